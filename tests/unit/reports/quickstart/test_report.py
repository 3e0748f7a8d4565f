import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from features.encoding.encoding import Column, Encoding
from models.bands import BandBounds
from models.reasons.explain import Explanation
from reports.quickstart.care_list import CareEntry
from reports.quickstart.content import drawn_pictures
from reports.quickstart.report import BandCount, ModelFacts, ReportContent, render_report
from reports.words.texts import texts
from tests.builders.html_page import Page, check_page
from training.evaluation.folds import Split
from training.evaluation.leaks import Flag, Kind
from training.flat.crossval import OutOfFold
from training.flat.evaluation import evaluate

ROWS = 1000
HOSTILE = "<script>alert(1)</script>"
ODD = ("套餐", "📱 Gerät", HOSTILE, "\"quoted\" & 'so'", "{{ 7 * 7 }}", "</style></title>")
FLAGS = (
    Flag("reason given", "single_column", 0.98765),
    Flag("refund", "missingness", 0.71234),
    Flag("it's an id", "id_like", 0.9912),
    Flag(None, "duplicate_rows", 0.0345),
    Flag(None, "too_good", 0.96789),
)


def _content(
    names: tuple[str, ...] = ("Contract", "tenure", "since", "套餐"), **changes: object
) -> ReportContent:
    random = np.random.default_rng(1)
    probability = random.beta(1, 3, ROWS)
    label = (random.random(ROWS) < probability).astype(float)
    halves = np.array_split(np.arange(ROWS), 2)
    splits = tuple(
        Split(0, other, half) for half, other in zip(halves, reversed(halves), strict=True)
    )
    kinds = ("category", "number", "date", "category")
    columns = tuple(
        Column(
            name=name,
            feature=f"c{place}",
            kind=kinds[place % 4],
            why="",
            categories=("基础", "monthly", HOSTILE, "rare"),
        )  # type: ignore[arg-type]
        for place, name in enumerate(names)
    )
    sample = np.column_stack(
        [
            random.integers(0, 3, 300)
            if column.kind == "category"
            else random.integers(100, 900, 300)
            for column in columns
        ]
    ).astype(float)
    contributions = (
        (sample - sample.mean(axis=0)) / sample.std(axis=0) / np.arange(1, len(names) + 1)
    )
    evaluation = evaluate(
        label, OutOfFold(splits, margin=probability[None], calibrated=probability[None])
    )
    content = ReportContent(
        table="客户.csv",
        target="left",
        positive=("yes",),
        id_column="customer",
        created=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        model_name="churn",
        model_version="7",
        rows=1234,
        labelled_rows=1000,
        evaluated="5-fold cross-validation, repeated 2 times",
        evaluation=evaluation,
        pictures={},
        flags=(),
        left_out=(),
        readings=(),
        notes=(),
        encoding=Encoding(columns),
        sample=sample,
        explanation=Explanation(-1.0, contributions),
        bounds=BandBounds(high=0.6125, medium=0.3),
        bands=(
            BandCount(name="high", customers=111, expected_leavers=80.4, sensitivity=22.2),
            BandCount(name="medium", customers=222, expected_leavers=99.6, sensitivity=54.9),
            BandCount(name="low", customers=4000, expected_leavers=7.04, sensitivity=6.9),
        ),
        care=(
            CareEntry(
                customer_id="00042",
                probability=0.8761,
                band="high",
                value_at_stake=1234.567,
                reasons=("Contract: monthly", "a: 1"),
            ),
            CareEntry(
                customer_id="00043", probability=None, band="", value_at_stake=None, reasons=()
            ),
        ),
        care_customers=4333,
        value_column="fee",
        facts=ModelFacts(trees=86, leaves=16, calibration="beta", seed=20260101),
        versions={"table (SHA-256)": "ab12", "holdfast": "0.1.0"},
    )
    return replace(content, **changes)  # type: ignore[arg-type]


def _read(content: ReportContent) -> dict[str, str]:
    """The words of a report by section; its pictures, which take most of the time, are left out."""
    nothing = dict.fromkeys(("lift", "gain", "roc", "reliability"), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.quickstart.report.page_svg", lambda svg, name: svg)
        patch.setattr("reports.kit.drivers.png_base64", lambda figure: "")
        patch.setattr("reports.kit.swarm.strip_figure", lambda *arguments: None)
        return Page(render_report(replace(content, pictures=nothing))).texts


def _written(content: ReportContent, language: str = "en") -> str:
    """A report with all its pictures."""
    words = texts(language)
    pictures = drawn_pictures(content.evaluation, words)
    return render_report(replace(content, pictures=pictures), words)


@pytest.mark.parametrize("language", ("zh-Hans", "zh-Hant"))
def test_in_chinese_no_english_is_left(language: str) -> None:
    changes = {
        "evaluated": "五折",
        "target": "流失",
        "positive": ("是", "1"),
        "id_column": "编号",
        "value_column": "月费",
        "model_name": "模型",
        "care": (
            CareEntry(
                customer_id="1", probability=0.5, band="low", value_at_stake=None, reasons=()
            ),
        ),
        "versions": {},
    }
    names = ("套餐", "月数", "日期", "地区")
    whole = _content(names, flags=FLAGS, **changes)
    empty = _content(names, left_out=("列",), **changes | {"care": (), "id_column": None})
    html = _written(whole, language) + _written(empty, language)
    assert html.count(f'<html lang="{language}">') == 2
    assert re.search("value at stake|Customers", html) is None
    left = set(
        re.findall("[A-Za-z]{2,}", re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.S))
    )
    of_names = {"csv", "reason", "given", "refund", "it", "an", "id", "quot", "monthly", "rare"}
    of_commands = {"holdfast", "quickstart", "inspect", "drop", "available", "at", "scoring"}
    of_commands |= {"FILE", "group", "COLUMN"}
    terms = {"AUC", "ROC", "SHAP", "Wilson", "Brier", "UTC", "lt", "gt", "script", "alert"}
    assert left <= of_names | of_commands | terms


@pytest.fixture(scope="module")
def html() -> str:
    return _written(_content())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_same_content_gives_the_same_bytes(html: str) -> None:
    assert _written(_content()) == html


def test_the_page_is_small_also_with_many_features() -> None:
    html = _written(_content(tuple(f"feature {number}" for number in range(60))))
    assert len(html.encode()) < 1_500_000
    assert Page(html).texts["drivers"].count("other 48 features") == 1


def test_the_page_stands_alone(html: str) -> None:
    check_page(html)


def test_every_picture_says_in_words_what_it_shows(page: Page) -> None:
    captions = page.attributes("aria-labelledby")
    assert {f"{name}-caption" for name in ("lift", "gain", "roc", "reliability")} <= set(captions)
    contributions = _content().explanation.contributions[:, 0]
    low, high = f"{contributions.min():+.2f}".replace("-", "−"), f"{contributions.max():+.2f}"
    mean = np.abs(contributions).mean()
    pictures = [attributes["alt"] for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) == 4
    assert (
        pictures[0]
        == f"SHAP values of Contract: from {low} to {high}, {mean:.2f} from zero on average."
    )


def test_names_and_values_of_the_table_are_text(page: Page) -> None:
    content = _content(
        ODD,
        table=HOSTILE,
        target=HOSTILE,
        positive=ODD,
        id_column=HOSTILE,
        value_column=HOSTILE,
        evaluated=HOSTILE,
        left_out=ODD,
        flags=tuple(
            Flag(name, kind, 0.9)
            for name in ODD
            for kind in ("single_column", "missingness", "id_like")
        ),
        care=(
            CareEntry(
                customer_id=HOSTILE, probability=0.5, band="low", value_at_stake=1.0, reasons=ODD
            ),
        ),
        versions={HOSTILE: HOSTILE},
    )
    hostile = Page(_written(content))
    assert {tag for tag, _ in hostile.elements} <= {tag for tag, _ in page.elements} | {"code"}
    for section in ("head", "drivers", "risk", "suspicious"):
        for name in ODD:
            assert name in hostile.texts[section]


def test_long_names_are_cut_short_but_commands_are_not() -> None:
    name = "x" * 500
    text = _read(_content((name,), flags=(Flag(name, "single_column", 0.9),)))
    assert name not in text["head"] + text["drivers"]
    assert "x" * 119 + "…" in text["drivers"]
    assert f"--drop {name}" in text["suspicious"]


def test_the_head_answers_first(page: Page) -> None:
    evaluation = _content().evaluation
    head = page.texts["head"]
    assert f"are {evaluation.lift_top_decile:.1f} times as many leavers" in head
    assert f"finds {10 * evaluation.lift_top_decile:.1f} % of all who leave" in head
    assert "customers have not left yet 4,333" in head
    assert "band high: their probability is 61.3 % or more 111" in head
    assert "expected to leave: the sum of their probabilities 187 142 to 246, assumed" in head
    assert "客户.csv: 1,234 rows, 1,000 of them with a known outcome, 4 features" in head
    assert "A leaver is a customer whose left is yes" in head
    assert "churn, version 7, made 2026-02-03 04:05 UTC" in head
    assert "suspicious" not in head.replace("What looks suspicious", "")


def test_every_figure_of_merit_is_shown_rounded(page: Page) -> None:
    evaluation = _content().evaluation
    good = page.texts["good"]
    for figure in (
        f"{evaluation.auc:.3f} ± {evaluation.auc_sd:.3f}",
        f"{evaluation.lift_top_decile:.2f}",
        f"{evaluation.average_precision:.3f}",
        f"{evaluation.brier:.3f}",
        f"{evaluation.ece:.3f}",
        f"{100 * evaluation.auc:.0f} of 100 cases",
        f"A random order gives {evaluation.positive_rate:.3f}",
        f"everybody gives {evaluation.positive_rate * (1 - evaluation.positive_rate):.3f}",
        f"more than {1 / evaluation.positive_rate:.2f}",
    ):
        assert figure in good
    for decile in evaluation.deciles:
        assert (
            f"{100 * decile.rate:.1f} % ({100 * decile.low:.1f} % to {100 * decile.high:.1f} %)"
            in good
        )
        assert (
            f"{decile.lift:.2f} ({decile.lift_low:.2f} to {decile.lift_high:.2f}) {100 * decile.gain:.1f} %"
            in good
        )
    for group in evaluation.reliability:
        observed = (
            f"{100 * group.observed:.1f} % ({100 * group.low:.1f} % to {100 * group.high:.1f} %)"
        )
        assert f"{100 * group.predicted:.1f} % {observed}" in good


def test_one_fold_has_no_spread() -> None:
    text = _read(_content(evaluation=replace(_content().evaluation, auc_sd=None)))["good"]
    assert "±" not in text
    assert "its spread is not known" in text


def test_bands_facts_and_versions(page: Page) -> None:
    risk = page.texts["risk"]
    assert "high 61.3 % or more 111 80" in risk
    assert "medium 30.0 % to 61.3 % 222 100" in risk
    assert "low below 30.0 % 4,000 7.0" in risk
    assert "all 4,333 187" in risk
    foot = page.texts["foot"]
    assert "86 trees of at most 16 leaves, seed 20260101" in foot
    assert "beta curve, chosen by log loss" in foot
    assert "table (SHA-256) ab12" in foot
    assert "2026-02-03 04:05:06 UTC" in foot


def test_the_head_of_the_care_list(page: Page) -> None:
    risk = page.texts["risk"]
    assert (
        "The first 2 of 4,333 customers on the care list, by value at stake: probability times fee"
        in risk
    )
    assert "1 00042 87.6 % high 1,234.57 Contract: monthly a: 1 " in risk
    assert "2 00043 not known not known nothing raises the risk" in risk
    assert "out of fold" in risk


def test_customers_of_unknown_probability_are_counted(page: Page) -> None:
    assert "in no band either" not in page.texts["risk"]
    text = _read(_content(care_customers=5333))["risk"]
    assert "1,000 customers who have not left are in no band either" in text


def test_an_empty_care_list_without_value_or_id() -> None:
    empty = tuple(
        BandCount(name=name, customers=0, expected_leavers=0.0, sensitivity=0.0)
        for name in ("high", "medium", "low")
    )
    content = _content(care=(), care_customers=0, bands=empty, value_column=None, id_column=None)
    assert "The care list is empty" in _read(content)["risk"]


def test_without_value_or_id_the_list_goes_by_probability_and_row() -> None:
    text = _read(_content(value_column=None, id_column=None))["risk"]
    assert "by probability" in text
    assert "value at stake" not in text.lower()
    assert "Row number" in text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            "single_column",
            (
                "reason given alone predicts almost perfectly which customers left",
                "AUC of 0.988",
                "--drop 'reason given'",
            ),
        ),
        (
            "missingness",
            (
                "Whether refund is blank predicts which customers left",
                "AUC of 0.712",
                "--drop refund",
            ),
        ),
        (
            "id_like",
            ("it's an id looks like an id", "99.1 % of its values", "--drop 'it'\"'\"'s an id'"),
        ),
        ("duplicate_rows", ("Rows repeat", "3.5 % of rows repeat", "--group COLUMN")),
        ("too_good", ("The model is too good to be true", "Its AUC is 0.968", "--drop COLUMN")),
    ],
)
def test_a_flag_is_in_the_head_and_explained(kind: Kind, words: tuple[str, ...]) -> None:
    (flag,) = [flag for flag in FLAGS if flag.kind == kind]
    texts = _read(_content(flags=(flag,)))
    assert "1 thing looks suspicious" in texts["head"]
    assert words[0] in texts["head"]
    for word in words:
        assert word in texts["suspicious"]
    assert ("--available-at-scoring FILE" in texts["suspicious"]) == (
        kind in ("single_column", "missingness")
    )
    assert "Nothing looks suspicious" not in texts["suspicious"]


def test_many_flags_are_counted_in_the_head_and_listed_below() -> None:
    flags = tuple(Flag(f"column {number}", "single_column", 0.9) for number in range(12))
    texts = _read(_content(flags=flags))
    assert "12 things look suspicious" in texts["head"]
    assert "and 4 more" in texts["head"]
    assert all(f"column {number} alone" in texts["suspicious"] for number in range(12))


def test_nothing_suspicious_and_nothing_left_out(page: Page) -> None:
    assert "Nothing looks suspicious" in page.texts["suspicious"]
    assert "All columns are in the model" in page.texts["suspicious"]
    left_out = _read(_content(left_out=("手机号", "notes")))["suspicious"]
    assert "Left out of the model" in left_out
    assert "手机号, notes." in left_out


def test_drivers_by_strength_with_the_direction_of_numbers_and_dates(page: Page) -> None:
    text = page.texts["drivers"]
    names = ["Contract", "tenure", "since", "套餐"]
    assert sorted(names, key=text.index) == names
    means = np.abs(_content().explanation.contributions).mean(axis=0)
    assert f"tenure {means[1]:.2f} Higher values go with higher risk." in text
    assert f"since {means[2]:.2f} Later values go with higher risk." in text
    falling = _content()
    falling.explanation.contributions[:, 1] *= -1
    falling.explanation.contributions[:, 2] = np.tile([0.3, -0.3], 150)
    text = _read(falling)["drivers"]
    assert "Higher values go with lower risk." in text
    assert "Risk neither rises nor falls throughout with the value." in text


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (0.0, "go with lower risk."),
        (1.0, "go with lower risk."),
        (3.0, "Risk neither rises nor falls throughout"),
    ],
)
def test_a_direction_is_named_where_most_rows_follow_it(noise: float, words: str) -> None:
    content = _content()
    falling = -np.linspace(-1.7, 1.7, 300)
    content.sample[:, 1] = np.arange(300)
    content.explanation.contributions[:, 1] = falling + noise * np.random.default_rng(1).normal(
        size=300
    )
    assert words in _read(content)["drivers"]


def test_quarters_of_a_number_with_their_mean_contribution() -> None:
    content = _content(("tenure", "fee"))
    content = replace(
        content,
        encoding=Encoding(
            tuple(replace(column, kind="number") for column in content.encoding.columns)
        ),
        sample=np.column_stack([np.arange(100.0), np.tile([0.0, 1.0], 50)]),
        explanation=Explanation(
            0.0, np.column_stack([np.linspace(1, -1, 100), np.tile([-0.25, 0.5], 50)])
        ),
    )
    text = _read(content)["drivers"]
    assert "up to 24 ▲ +0.76 74 and more ▼ −0.75" in text
    assert "0 ▼ −0.25 1 ▲ +0.50" in text


def test_categories_with_the_highest_and_lowest_risk_without_rare_ones() -> None:
    content = _content(("plan",))
    codes = np.array([0.0] * 120 + [1.0] * 120 + [2.0] * 58 + [3.0] * 2)
    effects = np.array([0.5, -0.5, 0.001, 9.0])
    content = replace(
        content,
        sample=codes[:, None],
        explanation=Explanation(0.0, effects[codes.astype(int)][:, None]),
    )
    text = _read(content)["drivers"]
    assert f"基础 ▲ +0.50 {HOSTILE} 0.00 monthly ▼ −0.50" in text
    assert "rare" not in text


def test_missing_values_are_a_value_too() -> None:
    content = _content()
    content.sample[:, 0] = np.nan
    content.sample[:60, 1] = np.nan
    content.explanation.contributions[:60, 1] = 0.4
    text = _read(content)["drivers"]
    assert "missing in the whole sample" in text
    assert "missing (20.0 %) ▲ +0.40" in text


def test_a_model_without_drivers() -> None:
    content = _content()
    content.explanation.contributions[:] = 0.0
    text = _read(content)["drivers"]
    assert "No feature changes the predictions" in text


@pytest.mark.parametrize("scale", [0.01, 0.05, 1.0, 40.0])
def test_the_marks_of_the_scale_differ_whatever_its_size(scale: float) -> None:
    content = _content()
    content.explanation.contributions[:] *= scale
    text = _read(content)["drivers"]
    marks = re.findall(r"[+−]?\d+(?:\.\d+)?", re.split(r"[▲▼]", text.split("◀")[0])[-1])[1:]
    assert "0" in marks
    assert len(set(marks)) == len(marks) >= 3


def test_no_cause_is_claimed(page: Page) -> None:
    for section in ("head", "drivers", "risk"):
        assert not re.search(
            r"\b(because|causes?d?|due to|leads? to|drives?)\b", page.texts[section], re.IGNORECASE
        )
    assert "No effect of any care is shown here" in page.texts["reading"]
