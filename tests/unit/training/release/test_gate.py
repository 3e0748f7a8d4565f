import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sentences import as_written
from tests.builders.gate_documents import FEATURES, ROWS, SERVICE, documents, facts, jointly
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.leaks import Flag
from training.release.evidence import ModelEvidence
from training.release.facts import TRAINING, ChampionComparison
from training.release.gate import CurrentChampion, evaluate
from training.release.verdict import Finding, Verdict
from training.settings import GateSettings

CHAMPION = CurrentChampion(number="3", ungated=False, service=SERVICE, features=FEATURES)
SETTINGS = GateSettings()
TEXT = json.dumps(documents())
PASSING = json.loads(TEXT)

POSITIVES = "assessment.json/90/positives assessment.json/90/strata/all/positives"
LIFT = "assessment.json/30/metrics/lift_capacity assessment.json/90/metrics/lift_capacity"

# Entries that are told to people and that nothing is decided by, one that earlier assessments lack
# (positive rows are counted then), and one without which a stricter rule holds. The maps that hold
# them must be there.
TOLD_ONLY = re.compile(
    rf"{TRAINING}/((excluded|parameters|choices)/[^/]+|fitted)"
    rf"|{ASSESSMENT}/\d+/decay/0/metrics/[^/]+"
    rf"|{ASSESSMENT}/\d+/rivals/[^/]+/metrics/(?!auc$|log_loss$)[^/]+"
    rf"|{ASSESSMENT}/\d+/strata/[^/]+/deciles/\d+/effective_rows|{ASSESSMENT}/\d+/(positive_customers|answers)"
    rf"|{ASSESSMENT}/\d+/(strata/[^/]+|slices/[^/]+/[^/]+)/positive_customers"
)


def evidence(stored: dict[str, Any], **changes: Any) -> ModelEvidence:
    values = {
        "name": "churn",
        "service": SERVICE,
        "features": FEATURES,
        "has_strata": True,
        "documents": stored,
    }
    return ModelEvidence(**{**values, **changes})


def ask(
    stored: dict[str, Any],
    champion: CurrentChampion | None = CHAMPION,
    explained: dict[str, str] | None = None,
    settings: GateSettings = SETTINGS,
) -> Verdict:
    return evaluate(evidence(stored), champion, settings, explained)


def spoiled(paths: str, value: Any) -> dict[str, Any]:
    """The passing documents with another value at each of some paths; a dictionary changes only
    what it names.
    """
    stored = json.loads(TEXT)
    for path in paths.split():
        *above, last = path.split("/")
        place = reach(stored, above)
        key: Any = int(last) if isinstance(place, list) else last
        merged = isinstance(value, dict) and value and isinstance(place.get(key), dict)
        place[key] = {**place[key], **value} if merged else value
    return stored


def reach(document: Any, keys: list[str]) -> Any:
    for key in keys:
        document = document[int(key) if isinstance(document, list) else key]
    return document


def interval(low: float, high: float) -> dict[str, float]:
    return {"value": (low + high) / 2, "low": low, "high": high}


def paths(document: Any, before: str = "") -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield before + key
            yield from paths(value, f"{before}{key}/")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from paths(value, f"{before}{number}/")


def test_a_good_one_passes() -> None:
    assert ask(PASSING) == Verdict(passed=True, reasons=())


def test_one_without_a_champion_to_beat_passes() -> None:
    alone = documents(
        facts(champion=ChampionComparison(number=None, comparable=False, why="")), champion=False
    )
    assert ask(alone, champion=None).passed


def test_a_version_that_was_calibrated_on_rows_of_their_own_is_still_read() -> None:
    parts = ("fit", "tune", "calibrate", "test")
    cutoffs = dict.fromkeys(parts, ("2025-03-03T00:00:00", "2025-03-31T00:00:00"))
    known = facts(rows=dict.fromkeys(parts, ROWS), cutoffs=cutoffs)
    assert ask(documents(known)) == Verdict(passed=True, reasons=())


@pytest.mark.parametrize(
    "path, value, rule, words",
    [
        # AUC alone does not make a model: the lift of the riskiest must be above 1, too.
        (LIFT, interval(0.9, 1.9), "nothing_found", "of AUC and of the lift at care's capacity"),
        (POSITIVES, 199, "positives", "90 days: 199 positives in the test period; at least 200"),
        (
            "assessment.json/30/metrics/auc",
            interval(0.499, 0.6),
            "better_than_constant",
            "30 days: AUC 0.4990 to 0.6000",
        ),
        (
            "assessment.json/30/rivals/constant/difference/log_loss",
            interval(-0.01, 0.0001),
            "better_than_constant",
            "log loss minus that of the share among the training rows",
        ),
        (
            "assessment.json/90/rivals/champion/difference/auc",
            interval(-0.03, -0.001),
            "champion",
            "auc minus that of the champion",
        ),
        (
            "assessment.json/90/rivals/champion/difference/log_loss",
            interval(0.0001, 0.01),
            "champion",
            "log_loss minus",
        ),
        (
            "training.json/champion",
            {"number": "2"},
            "champion",
            "compared with version 2, but version 3 is champion now",
        ),
        (
            "training.json/champion",
            {"number": None},
            "champion",
            "compared with no champion, but version 3",
        ),
        (
            "training.json/champion",
            {"comparable": False, "why": "it reads x"},
            "champion",
            "on the same rows: it reads x",
        ),
        (
            "assessment.json/90/strata/all/slope",
            jointly(0.7, 0.899),
            "slope",
            "90 days: all: calibration slope 0.7000 to 0.8990",
        ),
        (
            "assessment.json/90/strata/prepaid/slope",
            jointly(1.101, 1.3),
            "slope",
            "90 days: prepaid: .*too cautious",
        ),
        (
            "assessment.json/30/strata/fixed/observed_over_expected",
            jointly(0.8, 0.949),
            "observed_over_expected",
            "30 days: fixed: .*probabilities are too high",
        ),
        (
            "assessment.json/30/strata/all/observed_over_expected",
            jointly(1.051, 1.2),
            "level",
            "30 days: all: .*too low for this test period; .* their level is assumed",
        ),
        (
            "assessment.json/30/strata/all/observed_over_expected",
            jointly(2.11, 3.0),
            "observed_over_expected",
            "30 days: all: .*too low$",
        ),
        (
            "assessment.json/30/strata/all/deciles/9/observed",
            0.0561,
            "top_deciles",
            "decile 1 from the top",
        ),
        (
            "assessment.json/30/strata/postpaid/deciles/7/observed",
            0.0223,
            "top_deciles",
            "postpaid: decile 3 from the top",
        ),
        (
            "assessment.json/90/slices/region/south/difference/champion",
            interval(0.0061, 0.02),
            "slices",
            "90 days: region south: much worse than the champion",
        ),
        (
            "assessment.json/30/slices/billing_type/fixed/difference/constant",
            interval(0.0001, 0.02),
            "slices",
            "30 days: billing_type fixed: much worse than the share among the training rows",
        ),
        (
            "training.json/explanation_cost",
            {"30": 20_001},
            "explanation_cost",
            r"30 days: explaining visits 20,001 leaves",
        ),
        ("training.json/explanation_cost", {"30": -1}, "explanation_cost", "was not measured"),
        (
            "training.json/additivity_error",
            {"90": 1e-6},
            "additivity",
            "90 days: explanations miss the margin by 1e-06",
        ),
        ("training.json/additivity_error", {"90": -1.0}, "additivity", "miss the margin"),
        (
            "training.json/flags",
            [{"column": "x", "kind": "missingness", "figure": 0.9}],
            "leaks",
            "flags x .missingness., and it was not explained",
        ),
        (
            "training.json/flags",
            [{"column": None, "kind": "too_good", "figure": 0.97}],
            "leaks",
            "flags the whole table or model .too_good.",
        ),
    ],
)
def test_each_failing_demand_alone_refuses(path: str, value: Any, rule: str, words: str) -> None:
    verdict = ask(spoiled(path, value))
    assert not verdict.passed
    assert {reason.rule for reason in verdict.reasons} == {rule}
    assert _matches(words, verdict.reasons), verdict.reasons


@pytest.mark.parametrize(
    "path, value",
    [
        (POSITIVES, 200),
        ("assessment.json/90/rivals/champion/difference/auc", interval(-0.03, 0.0)),
        ("assessment.json/90/rivals/champion/difference/log_loss", interval(0.0, 0.01)),
        ("assessment.json/90/rivals/champion/difference/auc", interval(0.0, 0.0)),
        ("assessment.json/90/strata/all/slope", jointly(0.7, 0.9001)),
        ("assessment.json/90/strata/prepaid/slope", jointly(1.0999, 1.3)),
        ("assessment.json/30/strata/fixed/observed_over_expected", jointly(0.8, 0.9501)),
        ("assessment.json/30/strata/fixed/observed_over_expected", jointly(1.0499, 1.3)),
        ("assessment.json/30/strata/all/deciles/9/observed", 0.04 * 1.4),
        ("assessment.json/30/strata/all/deciles/6/observed", 0.9),
        ("assessment.json/90/slices/region/south", {"gap": None, "metrics": {}}),
        ("training.json/explanation_cost", {"30": 20_000}),
        ("training.json/additivity_error", {"90": 9.9e-7}),
        ("assessment.json/90/rivals/logistic/difference/auc", interval(-0.2, -0.1)),
    ],
)
def test_on_the_border_it_passes(path: str, value: Any) -> None:
    verdict = ask(spoiled(path, value))
    assert verdict.passed, verdict.reasons


@pytest.mark.parametrize(
    "path, value, words",
    [
        ("training.json/target", "csat_low", "target is not that of the version"),
        ("training.json/service", "churn_v2", "service is not that of the version"),
        ("training.json/features", list(FEATURES[::-1]), "features is not that of the version"),
        ("assessment.json/60", PASSING[ASSESSMENT]["30"], "assesses '60', which is no horizon"),
        ("assessment.json/90/horizon_days", 30, "is of another horizon: 30"),
        ("assessment.json/90/metrics/auc", interval(0.74, 0.74), "was not resampled"),
        ("assessment.json/90/metrics/empc", {"low": 0.4, "high": 0.3}, "has no interval"),
        ("assessment.json/90/strata/all/slope", interval(1.0, 1.0), "was not resampled"),
        ("assessment.json/90/strata/all/rows", ROWS - 1, "evaluated on other rows"),
        ("assessment.json/90/strata/prepaid/rows", 2000, "evaluated on 9,000 of 10,000 rows"),
        ("assessment.json/90/strata/prepaid/rows", 4000, "evaluated on 11,000 of 10,000 rows"),
        (
            "assessment.json/90/strata/all/deciles",
            PASSING[ASSESSMENT]["90"]["strata"]["all"]["deciles"][:2],
            "at least 3 deciles",
        ),
        ("assessment.json/90/slices/region/south/rows", 2999, "slices by region do not add up"),
    ],
)
def test_documents_that_contradict_themselves_are_refused(
    path: str, value: Any, words: str
) -> None:
    verdict = ask(spoiled(path, value))
    assert not verdict.passed
    assert {reason.rule for reason in verdict.reasons} == {"complete"}
    assert _matches(words, verdict.reasons), verdict.reasons


@pytest.mark.parametrize("name", [TRAINING, ASSESSMENT])
@pytest.mark.parametrize("damage", ["absent", None, [], "text", {}])
def test_a_document_that_is_none_refuses(name: str, damage: Any) -> None:
    stored = {**PASSING, name: damage}
    if damage == "absent":
        del stored[name]
    verdict = ask(stored)
    assert not verdict.passed
    assert verdict.reasons


def test_nothing_at_all_refuses() -> None:
    verdict = ask({}, champion=None)
    assert not verdict.passed
    assert [reason.rule for reason in verdict.reasons] == ["complete"]


@pytest.mark.parametrize("document", [TRAINING, f"{ASSESSMENT}/30"])
def test_no_key_may_be_missing(document: str) -> None:
    tried = 0
    for path in paths(PASSING):
        if path.startswith(document):
            *above, last = path.split("/")
            stored = json.loads(TEXT)
            del reach(stored, above)[last]
            assert ask(stored).passed == bool(TOLD_ONLY.fullmatch(path)), path
            tried += 1
    assert tried > 40


def test_places_that_are_wrong_are_named_all_at_once() -> None:
    stored = json.loads(TEXT)
    stored[ASSESSMENT]["90"]["metrics"]["auc"]["low"] = None
    stored[ASSESSMENT]["90"]["slices"]["region"]["south"]["rows"] = 1.5
    del stored[ASSESSMENT]["30"]["metrics"]["brier"]
    del stored[TRAINING]["rows"]["tune"]
    reasons = {reason.where: reason.message for reason in ask(stored).reasons}
    assert reasons == {
        "training.json: rows.tune": "training.json: rows.tune is missing",
        "assessment.json: 30.metrics.brier": "assessment.json: 30.metrics.brier is missing",
        "assessment.json: 90.metrics.auc.low": (
            "assessment.json: 90.metrics.auc.low: must be a finite number (got 'null')"
        ),
        "assessment.json: 90.slices.region.south.rows": (
            "assessment.json: 90.slices.region.south.rows: must be a valid integer (got 1.5)"
        ),
    }


@given(
    st.sets(
        st.sampled_from([path for path in paths(PASSING) if not TOLD_ONLY.fullmatch(path)]),
        min_size=1,
        max_size=5,
    )
)
def test_no_keys_may_be_missing_together(missing: set[str]) -> None:
    stored = json.loads(TEXT)
    for path in sorted(missing, key=len, reverse=True):
        *above, last = path.split("/")
        del reach(stored, above)[last]
    assert not ask(stored).passed


@given(
    st.sampled_from(
        [path for path in paths(PASSING) if isinstance(reach(PASSING, path.split("/")), float)]
    ),
    st.sampled_from([None, float("nan"), float("inf"), -float("inf"), "0.5", True, [], {}]),
)
def test_every_figure_must_be_a_finite_number(path: str, value: Any) -> None:
    *above, last = path.split("/")
    stored = json.loads(TEXT)
    reach(stored, above)[last] = value
    assert ask(stored).passed == bool(TOLD_ONLY.fullmatch(path) and path.startswith(TRAINING))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.sampled_from(list(paths(PASSING))), JSON)
def test_whatever_stands_in_a_document_gets_a_verdict(path: str, value: Any) -> None:
    *above, last = path.split("/")
    stored = json.loads(TEXT)
    reach(stored, above)[last] = value
    verdict = ask(stored)
    assert verdict.passed == (not verdict.reasons)
    json.dumps(verdict.to_json())


def test_leak_flags_can_be_explained_one_by_one() -> None:
    flags = (
        Flag("x", "missingness", 0.9),
        Flag("x", "single_column", 0.9),
        Flag(None, "duplicate_rows", 0.2),
    )
    stored = documents(facts(flags=flags))
    assert [reason.where for reason in ask(stored).reasons] == ["x", "duplicate_rows"]
    some = ask(stored, explained={"x": "filled in by the installer, weeks before"})
    assert [reason.where for reason in some.reasons] == ["duplicate_rows"]
    verdict = ask(
        stored, explained={"x": "known before", "duplicate_rows": "lines of one household"}
    )
    assert verdict.passed
    assert verdict.explained == {"x": "known before", "duplicate_rows": "lines of one household"}


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_an_empty_explanation_explains_nothing(reason: str) -> None:
    stored = documents(facts(flags=(Flag("x", "id_like", 1.0),)))
    assert not ask(stored, explained={"x": reason}).passed


@pytest.mark.parametrize(
    "champion, passes",
    [
        (None, True),
        (CurrentChampion(number="3", ungated=True, service="table_v1", features=FEATURES), True),
        (CurrentChampion(number="3", ungated=True, service=SERVICE, features=FEATURES[:2]), True),
        (CurrentChampion(number="3", ungated=True, service=SERVICE, features=FEATURES), False),
        (CurrentChampion(number="3", ungated=False, service="table_v1", features=FEATURES), False),
        (CurrentChampion(number="3", ungated=False, service=SERVICE, features=FEATURES), False),
    ],
)
def test_only_no_champion_or_an_ungated_one_of_another_table_needs_no_comparison(
    champion: CurrentChampion | None, passes: bool
) -> None:
    alone = documents(
        facts(champion=ChampionComparison(number="3", comparable=False, why="another table")),
        champion=False,
    )
    verdict = ask(alone, champion)
    assert verdict.passed == passes
    if not passes:
        assert {reason.rule for reason in verdict.reasons} == {"champion"}


def test_a_model_without_horizon_is_evaluated_too() -> None:
    known = facts(
        horizons_days=(),
        rounds={"": 90},
        explanation_cost={"": 900},
        additivity_error={"": 0.0},
    )
    stored = documents(known)
    without = {**json.loads(TEXT)[ASSESSMENT]["90"], "horizon_days": None}
    assert ask({**stored, ASSESSMENT: {"": without}}).passed
    without["metrics"]["auc"] = interval(0.4, 0.6)
    reasons = ask({**stored, ASSESSMENT: {"": without}}).reasons
    assert [reason.rule for reason in reasons] == ["nothing_found", "better_than_constant"]
    assert reasons[1].message.startswith("AUC 0.4000 to 0.6000")


def test_a_model_without_strata_needs_none() -> None:
    stored = documents(facts(strata=()))
    for horizon in stored[ASSESSMENT].values():
        horizon["strata"] = {"all": horizon["strata"]["all"]}
    assert evaluate(evidence(stored, has_strata=False), CHAMPION, SETTINGS).passed
    assert not evaluate(evidence(stored, has_strata=True), CHAMPION, SETTINGS).passed


def test_the_settings_are_asked() -> None:
    strict = GateSettings(fewest_positives=251, most_leaves=1899)
    assert {reason.rule for reason in ask(PASSING, settings=strict).reasons} == {
        "positives",
        "explanation_cost",
    }


def test_all_reasons_are_told_at_once() -> None:
    stored = spoiled(POSITIVES, 3)
    stored[TRAINING]["flags"] = [{"column": "x", "kind": "id_like", "figure": 1.0}]
    stored[ASSESSMENT]["30"]["strata"]["all"]["slope"] = interval(0.2, 0.3)
    del stored[ASSESSMENT]["30"]["metrics"]["brier"]
    assert [reason.rule for reason in ask(stored).reasons] == [
        "leaks",
        "complete",
        "slope",
        "positives",
    ]


def test_further_reasons_refuse_too() -> None:
    finding = Finding("online", "x", as_written("feature missing online: x"))
    assert not ask(PASSING).with_reasons((finding,)).passed
    assert ask(PASSING).with_reasons(()).passed
    assert ask({}).with_reasons((finding,)).reasons[0] == finding


def _matches(words: str, reasons: tuple[Finding, ...]) -> bool:
    return any(re.search(words, reason.message) for reason in reasons)
