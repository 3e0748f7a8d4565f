"""The head of the report: whether the version is better, whether the gate lets it pass, what to type."""

import re
import shlex
from dataclasses import replace
from html import unescape

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from commands.main import app
from holdfast.sentences import as_written
from reports.training.report import headline
from tests.builders.assessments import STRATA, assessment, estimate, facts, operator_model
from tests.builders.html_page import Page
from tests.builders.model_report import (
    FEATURES,
    NO_CHAMPION,
    SURVEY,
    read,
    refused,
    render_in,
)
from training.evaluation.leaks import Flag
from training.release.facts import ChampionComparison
from training.release.verdict import Finding, Verdict


@pytest.fixture(scope="module")
def page() -> Page:
    return read(operator_model(), survey=SURVEY)


def test_the_head_says_whether_it_is_better_how_certain_that_is_and_what_to_type(
    page: Page,
) -> None:
    head = page.texts["head"]
    assert "churn, version 3. Compared with version 2, which is in production." in head
    assert "Better ranking than version 2, probabilities not clearly better" in head
    assert "Take one subscription that is lost within 90 days and one that is not." in head
    assert "in 78.0 of 100 cases, version 2 in 76.5" in head
    assert "The difference is +1.5, with a 95 % interval from +0.9 to +2.1." in head
    assert "It passes the gate" in head
    assert "holdfast models promote 3 --model churn" in head
    assert "suspicious" not in head.replace("What looks suspicious", "")
    for days in (30, 60, 90):
        assert f"within {days} days +1.50 (+0.90 to +2.10)" in head


@pytest.mark.parametrize(
    ("champion", "title"),
    [
        (0.75, "Better than version 2"),
        (0.78, "Not clearly better than version 2"),
        (0.81, "Worse than version 2"),
    ],
)
def test_headlines_against_the_champion(champion: float, title: str) -> None:
    model = operator_model(
        {"90": assessment(90, champion=champion)}, facts(horizons_days=(90,), features=FEATURES)
    )
    assert headline(model).title.replace("\xa0", " ") == title
    head = read(model).texts["head"]
    assert title in head
    assert ("It is not clearly better than the champion either" in head) == (champion == 0.78)


def test_without_a_champion_it_is_compared_with_what_anybody_could_make() -> None:
    head = read(
        operator_model(known=facts(features=FEATURES, champion=NO_CHAMPION)), number="1"
    ).texts["head"]
    assert "compared with the share of each billing type and a logistic regression" in head
    assert "Better than a logistic regression" in head
    assert "a logistic regression in 76.0" in head
    assert "holdfast models promote 1 --model churn" in head


def test_what_is_not_better_than_a_constant_is_not_compared_with_more() -> None:
    heads = {"90": assessment(90, auc=0.5, champion=None)}
    model = operator_model(
        heads, facts(horizons_days=(90,), features=FEATURES, champion=NO_CHAMPION)
    )
    assert headline(model).title == "Not clearly better than the share of each billing type"
    # Ranking better than chance is not enough: probabilities must say more than the rate does.
    assessed = assessment(90, champion=None)
    constant = replace(
        assessed.baselines["constant"],
        difference={**assessed.baselines["constant"].difference, "log_loss": estimate(-0.01, 0.02)},
    )
    heads = {"90": replace(assessed, baselines={**assessed.baselines, "constant": constant})}
    page = read(
        operator_model(heads, facts(horizons_days=(90,), features=FEATURES, champion=NO_CHAMPION))
    )
    assert "Not clearly better than the share of each billing type" in page.texts["head"]
    assert "the share of each billing type in 50.0" in page.texts["head"]
    assert (
        ". Its ranking is clearly better, its probabilities are not clearly better."
        in page.texts["head"]
    )
    assert "within 90 days +28.00 (+27.40 to +28.60)" in page.texts["head"]
    assert "Ranking, compared with the others" in page.texts["better"]


@pytest.mark.parametrize(
    ("unclear", "title"),
    [
        ("auc", "Better probabilities than a logistic regression, ranking not clearly better"),
        ("log_loss", "Better ranking than a logistic regression, probabilities not clearly better"),
    ],
)
def test_the_title_says_what_is_better_where_only_one_is(unclear: str, title: str) -> None:
    assessed = assessment(90, champion=None)
    theirs = assessed.baselines["logistic"]
    shown = {**theirs.difference, unclear: estimate(0.0, 0.01), "lift_capacity": estimate(-0.2, 1)}
    baselines = {**assessed.baselines, "logistic": replace(theirs, difference=shown)}
    known = facts(horizons_days=(90,), features=FEATURES, champion=NO_CHAMPION)
    page = read(operator_model({"90": replace(assessed, baselines=baselines)}, known))
    assert title in page.texts["head"]
    # The lift at care's capacity is beside the baseline's: it may be no better.
    assert (
        "a logistic regression: 3.7, difference \N{MINUS SIGN}0.2 (\N{MINUS SIGN}1.2 to +0.8)"
        in page.texts["head"]
    )


def test_the_baseline_is_a_constant_only_where_there_are_no_strata() -> None:
    for strata, right, wrong in (
        (STRATA, "the share of each billing type", "constant"),
        ((), "a constant, which gives everybody the same probability", "share of each billing"),
    ):
        heads = {"90": assessment(90, champion=None, strata=strata)}
        known = facts(horizons_days=(90,), features=FEATURES, champion=NO_CHAMPION)
        page = read(operator_model(heads, known))
        for part in ("head", "better"):
            assert wrong not in page.texts[part]
        assert right in page.texts["better"]
        # Shares of strata rank them: their AUC is beside the others'.
        assert ("0.5 is a random order, which" in page.texts["better"]) == (not strata)


def test_a_champion_that_cannot_be_compared_with_is_said_to_be_so() -> None:
    compared_with = ChampionComparison(
        number="2", comparable=False, why="it has no horizon of 60 days"
    )
    head = read(operator_model(known=facts(features=FEATURES, champion=compared_with))).texts[
        "head"
    ]
    assert "Version 2, in production, cannot be compared" in head
    assert "could not be evaluated on the same rows: it has no horizon of 60 days" in head


def test_refusals_are_told_by_demand_with_what_to_do() -> None:
    verdict = refused(
        Finding("champion", "90 days: ", as_written("90 days: auc is clearly worse")),
        *(
            Finding(
                "top_deciles", f"prepaid {rank}", as_written(f"decile {rank} from the top is off")
            )
            for rank in (1, 2, 3)
        ),
        Finding("odd_rule", "", as_written("something else")),
    )
    head = read(operator_model(), verdict).texts["head"]
    assert "It does not pass the gate, for these reasons" in head
    assert "Not as good as the champion: 90 days: auc is clearly worse Keep the champion" in head
    assert (
        "Probabilities wrong among the riskiest: decile 1 from the top is off; and 2 more" in head
    )
    assert "Odd rule: something else" in head
    assert "All that was found" in head
    assert "decile 3 from the top is off" in head
    assert "holdfast train churn" in head
    assert "models promote" not in head


def test_a_first_version_that_lacks_nothing_but_evidence_may_score_meanwhile() -> None:
    first = operator_model(known=facts(features=FEATURES, champion=NO_CHAMPION))
    few = Finding("positives", "30", as_written("30 days: 151 positives"))
    shadow = "holdfast models promote 1 --model churn --shadow"
    assert shadow in read(first, refused(few), number="1").texts["head"]
    worse = refused(few, Finding("slope", "30", as_written("too extreme")))
    assert shadow not in read(first, worse, number="1").texts["head"]
    assert "--shadow" not in read(operator_model(), refused(few), number="1").texts["head"]


def test_a_version_that_only_has_unexplained_flags_is_told_how_to_explain_them() -> None:
    flags = (Flag("it's a leak", "single_column", 0.97), Flag(None, "too_good", 0.96))
    model = operator_model(known=facts(features=FEATURES, flags=flags))
    texts = read(model, refused(Finding("leaks", "it's a leak", as_written("flagged")))).texts
    command = "holdfast models promote 3 --model churn --explain-flag 'it'\"'\"'s a leak=REASON' --explain-flag too_good=REASON"
    assert command in texts["head"]
    assert "2 things look suspicious" in texts["head"]
    assert (
        "it's a leak alone predicts almost perfectly which subscriptions are lost"
        in texts["suspicious"]
    )
    assert "AUC of 0.970" in texts["suspicious"]
    assert "The model is too good to be true" in texts["suspicious"]


@pytest.mark.parametrize(
    "names, words",
    [
        ([], ""),
        (["f1"], "1 feature whose missing values have a meaning was not checked for missingness"),
        (
            ["f1", "f2"],
            "2 features whose missing values have a meaning were not checked for missingness",
        ),
    ],
)
def test_it_says_how_many_features_were_not_checked_for_missingness(
    names: list[str], words: str
) -> None:
    known = facts(features=FEATURES, choices={"null_has_meaning": names})
    suspicious = read(operator_model(known=known)).texts["suspicious"]
    assert words in suspicious
    assert ("not checked" in suspicious) == bool(names)


def test_an_explained_flag_is_told_with_its_reason() -> None:
    flags = (Flag("f1", "missingness", 0.7),)
    verdict = Verdict(passed=True, reasons=(), explained={"f1": "asked of everybody"})
    assert (
        "f1 (asked of everybody)"
        in read(operator_model(known=facts(features=FEATURES, flags=flags)), verdict).texts["head"]
    )


def test_without_a_number_no_command_pretends_to_know_it() -> None:
    page = read(operator_model(), number=None)
    assert "churn. Compared" in page.texts["head"]
    assert "holdfast models promote --model churn" in page.texts["head"]


def test_what_it_says_to_type_is_what_the_command_line_knows() -> None:
    flags = (Flag("it's a leak", "single_column", 0.97), Flag(None, "too_good", 0.96))
    flagged = operator_model(known=facts(features=FEATURES, flags=flags))
    pages = [
        render_in("en", operator_model()),
        render_in("en", operator_model(), number=None),
        render_in("en", flagged, refused(Finding("leaks", "it's a leak", as_written("flagged")))),
        render_in("en", operator_model(), refused(Finding("champion", "", as_written("worse")))),
        render_in(
            "en",
            operator_model(known=facts(features=FEATURES, champion=NO_CHAMPION)),
            refused(Finding("positives", "", as_written("few"))),
        ),
    ]
    typed = [
        unescape(text)
        for page in pages
        for text in re.findall(r"<code[^>]*>(holdfast [^<]*)</code>", page)
    ]
    assert len(typed) == 8
    for line in typed:
        name, *arguments = shlex.split(line)
        assert name == "holdfast"
        command = get_command(app)
        while isinstance(command, TyperGroup):
            command = command.commands[arguments.pop(0)]
        command.make_context(
            command.name, arguments
        ).close()  # fails where an argument or option is not known
