import re
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from holdfast.documents import to_document
from models.level.revision import LEVEL, LevelRevision, assumed_level
from tests.builders.assessments import care_facts, survey_assessment
from tests.builders.gate_documents import FEATURES, documents, facts
from tests.builders.model_versions import make_version
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.leaks import Flag
from training.release.facts import SURVEY, TRAINING
from training.release.model_card import model_card
from training.release.signature import InputExample
from training.surveys.reminder import OUTCOMES

REFUSED = {
    "at": "2026-01-02T03:04:05+00:00",
    "champion": "3",
    "passed": False,
    "reasons": [{"rule": "positives", "where": "90", "message": "90 days: 12 positives"}],
    "explained": {"tenure_days": "null before 2019 | for all"},
}


def card(shown: dict[str, Any], verdict: dict[str, Any] | None = None) -> str:
    return model_card("churn", "7", shown, verdict, ("challenger",))


def test_it_says_what_the_version_is_for_made_of_and_worth() -> None:
    flags = (Flag("tenure_days", "missingness", 0.81), Flag(None, "too_good", 0.97))
    shown = card(documents(facts(flags=flags)), REFUSED)
    for words in (
        "# Model card: churn, version 7",
        "It is challenger. The gate refused it on 2026-01-02.",
        "the probability that the customer gives the subscription up by their own choice",
        "| enterprise | 40 | of enterprises, which have an account manager |",
        "| test | 10,000 | 2, 2025-03-03 to 2025-03-31 |",
        "| auc | 0.7400 (0.7200 to 0.7600) | 0.7400 (0.7200 to 0.7600) |",
        "| auc minus champion | +0.0050 (-0.0050 to +0.0150) |",
        "| 90 days | prepaid | 3,000 | 75 | 0.9700 (0.8700 to 1.0700) | 1.0200 (0.9400 to 1.1000) | 3 of 3 |",
        "| region | south | 3,000 | 75 |",
        "- `tenure_days`: missingness, 0.810. Explained: null before 2019 | for all",
        "- `the table`: too good, 0.970. Not explained.",
        "- 90 days: 12 positives",
        "## Limits",
        "explanations miss the margin by at most 1e-13 log-odds",
    ):
        assert words in shown


def test_positives_of_slices_and_strata_are_told_by_customer_too() -> None:
    shown = documents()
    of_longest = shown["assessment.json"]["90"]
    of_longest["strata"]["prepaid"]["positive_customers"] = 31
    of_longest["slices"]["region"]["south"]["positive_customers"] = 24
    text = card(shown)
    assert "| 90 days | prepaid | 3,000 | 75 of 31 customers |" in text
    assert "| region | south | 3,000 | 75 of 24 customers |" in text
    # As assessments from before have it.
    assert "| region | north | 7,000 | 175 |" in text


def test_the_simplest_baseline_is_called_what_it_is() -> None:
    shown = card(documents())
    assert "| log loss minus share of each billing type |" in shown
    assert "minus constant" not in shown


def test_it_says_how_many_features_were_not_checked_for_missingness() -> None:
    of = "Features whose missing values have a meaning, not checked for missingness"
    named = facts(choices={"null_has_meaning": ["last_csat", "termination_fee"]})
    assert f"{of}: 2.\n\nNo flags." in card(documents(named))
    # A version from before the catalogue said so.
    assert of not in card(documents(facts(choices={})))


def test_it_says_how_long_labels_were_waited_for() -> None:
    maturity = {
        "losses": {"days": 29, "observed_days": 29, "rows": 1240},
        "use": {"days": 7, "observed_days": None, "rows": 12},
    }
    assert (
        "records of losses after 29 days (99% of 1,240 rows came within 29); "
        "usage after 7 days (the setting; 12 rows are too few to observe it)"
    ) in card(documents(facts(choices={"dataset": {"maturity": maturity}})))
    few = {"losses": {"days": 25, "observed_days": 25, "rows": 250}}
    assert (
        "losses after 25 days (all of 250 rows came within 25; too few to tell within how many 99%"
        " of all do)"
    ) in card(documents(facts(choices={"dataset": {"maturity": few}})))
    assert "labels count as complete" not in card(documents(facts(choices={"dataset": {}})))


def test_it_says_what_care_did_to_the_rows_of_each_horizon() -> None:
    care = {"30": care_facts(True), "90": care_facts(False)}
    shown = card(documents(facts(choices={"dataset": {"care": care}})))
    line = "| 90 days | 4,300 | 800 | 122,000 | 110,500 | 41,000 | 36,200 | 20.0 | 3.4% | 6 of 140 | 2 of 140 | 0.31 | 0.17 |"
    assert f"{line} **not shown** |" in shown
    assert "Columns that exceed this are counted as apart, before and after" in shown
    for is_table, lines in groupby(shown.splitlines(), lambda one: one.startswith("|")):
        assert not is_table or len({one.count(" | ") for one in lines}) == 1
    assert "| 30 days | 1,200 | 800 |" in shown
    # As versions made before customers were counted have it.
    rows_alone = {name: one for name, one in care["90"].items() if "customers" not in name}
    text = card(documents(facts(choices={"dataset": {"care": {"90": rows_alone}}})))
    assert "| 122,000 | 110,500 | – | – | 20.0 |" in text
    # As versions made before it was kept by horizon have it.
    before = {"dataset": {"care": {"touched_randomised": 3, "weighted": 2}}}
    assert "Rows that care touched" not in card(documents(facts(choices=before)))


def test_it_says_by_what_margins_it_was_calibrated() -> None:
    folds = {"30": 5, "60": 5, "90": 5, "90/prepaid": 3}
    words = (
        "margins of all rows for fitting and tuning, from boosters that did not learn from the"
        " row: 3 or 5 folds of customers"
    )
    assert words in card(documents(facts(choices={"cross_fitted_folds": folds})))
    # A version from before had rows for calibration.
    assert "did not learn from the row" not in card(documents(facts(choices={})))


def test_it_says_what_is_known_of_the_level() -> None:
    shown = documents()
    assert "In other seasons the level is *assumed*" in card(shown)
    level = replace(
        assumed_level(("postpaid", "prepaid"), (0.5, 0.5)), shift=(0.2, 0.0), origins=3, covered=2
    )
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={"90": level})
    text = card(shown | {LEVEL: to_document(revision)})
    assert (
        "| 90 days | 0 | no | 1.11 | 0.60 to 2.03 | 2 of 3 (of all such bands 9% to 99% may hold) | assumed |"
        in text
    )


def test_of_a_survey_it_says_how_far_answers_tell_of_others() -> None:
    band = {"odds_ratio": 3.0, "low": 0.08, "estimate": 0.15, "high": 0.3}
    groups = {
        "all": {"invited": 6_300, "answered": 2_100, "prevalence": band},
        "silent": {"invited": 10, "answered": 0, "prevalence": None},
    }
    calibration = {"odds_ratio": 3.0, "low": 0.7, "estimate": 1.1, "high": 1.9}
    shown = card({**documents(), SURVEY: {"groups": groups, "calibration": calibration}})
    assert (
        "| share of dissatisfied, all | 2,100 of 6,300 | 0.1500 | 0.0800 to 0.3000, odds up to 3 times |"
        in shown
    )
    assert (
        "| observed over expected, test period |  | 1.1000 | 0.7000 to 1.9000, odds up to 3 times |"
        in shown
    )
    assert "dissatisfied, silent" not in shown
    groups["all"]["prevalence"] = {**band, "least": 1.0, "most": 3.0, "evidence": "estimated"}
    reminder = {"outcome": "narrowed", "about": OUTCOMES["narrowed"]}
    shown = card({**documents(), SURVEY: {"groups": groups, "reminder": reminder}})
    assert "| 0.0800 to 0.3000, odds 1.00 to 3.00 times, estimated |" in shown
    assert "Estimated on one side from a reminder drawn at random" in shown
    assert "did not answer" not in card(documents())


def test_of_answers_it_has_both_rankings() -> None:
    shown = documents()
    shown[ASSESSMENT] = {"90": to_document(survey_assessment())}
    text = card(shown)
    assert "- Unweighted AUC, of those who answered: all answers count the same: 0.8100 (" in text
    assert "- Weighted AUC, of all who were invited" in text
    assert "lasting satisfaction may be ranked better than they say." in text
    assert "Unweighted" not in card(documents())


def test_every_table_has_as_many_cells_in_every_row() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", card(documents()), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_a_slice_that_is_much_worse_and_a_calibration_that_misses_are_seen() -> None:
    shown = documents()
    shown[ASSESSMENT]["90"]["slices"]["region"]["south"]["flagged"] = True
    shown[ASSESSMENT]["90"]["slices"]["region"]["north"] |= {"gap": None, "metrics": {}}
    shown[ASSESSMENT]["30"]["strata"]["all"]["deciles"][9]["observed"] = 0.5
    text = card(shown)
    assert "**much worse**" in text
    assert "| region | north | 7,000 | 175 | – | too few |" in text
    assert "| 2 of 3 |" in text


@pytest.mark.parametrize("name", [TRAINING, ASSESSMENT])
@pytest.mark.parametrize("damage", [None, [], {"a": 1}, "x"])
def test_what_was_not_recorded_is_not_made_up(name: str, damage: Any) -> None:
    shown = card({**documents(), name: damage})
    assert f"Not recorded: no readable `{name}`." in shown
    assert "The gate has not evaluated it." in shown


def test_a_model_of_nobody_we_know_has_a_card_too() -> None:
    assert "It predicts `quit`." in model_card("quit", "1", {}, None)


def test_an_input_example_is_of_nobody() -> None:
    model = make_version()
    matrix = np.array([[1.0, 0.0, np.nan], [3.0, 2.0, np.nan], [8.0, 2.0, np.nan]])
    example = InputExample.of(model, matrix)
    assert np.array_equal(example.matrix, [[3.0, 2.0, np.nan], [np.nan] * 3], equal_nan=True)
    assert example.features == FEATURES
    assert list(example.outputs) == ["probability_30d", "probability_90d"]
    assert all(((values > 0) & (values < 1)).all() for values in example.outputs.values())
    plain = replace(model, horizon_models=(replace(model.main, horizon_days=None),))
    assert list(InputExample.of(plain, np.empty((0, 3))).outputs) == ["probability"]
