"""Figures of the training report."""

from dataclasses import replace

from models.level.revision import LevelRevision, assumed_level
from reports.training.figures import calibration_forests
from tests.builders.assessments import assessment, estimate
from training.evaluation.assessment import Assessment


def orange(assessment: Assessment) -> dict[str, list[str]]:
    """Strata whose figure is orange, by figure."""
    return {
        name: [
            group.heading.lower()
            for group in shown.groups
            if any(row.entry.kind == "worse" for row in group.rows)
        ]
        for name, shown in calibration_forests({"90": assessment}).items()
    }


def moved(ratios: dict[str, float]) -> Assessment:
    """An assessment in which so many times as many had the outcome as was predicted."""
    one = assessment(90)
    strata = {
        name: replace(
            calibration,
            slope=estimate(1.0, 0.05),
            observed_over_expected=estimate(ratios.get(name, ratios["all"]), 0.05),
        )
        for name, calibration in one.strata.items()
    }
    return replace(one, strata=strata)


def test_orange_is_what_the_gate_finds_fault_with() -> None:
    assert orange(moved({"all": 1.0})) == {"slope": [], "observed_over_expected": []}
    season = orange(moved({"all": 1.4}))["observed_over_expected"]
    assert len(season) == 1
    apart = orange(moved({"all": 1.4, "prepaid": 0.7}))["observed_over_expected"]
    assert set(apart) == {*season, "prepaid"}


def test_a_level_that_earlier_dates_judge_is_not_the_test_periods() -> None:
    judged = replace(assumed_level(), status="judged", origins=9, covered=9)
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={"90": judged})
    season = {"90": moved({"all": 1.4})}
    shown = calibration_forests(season, revision)["observed_over_expected"]
    assert [row.entry.kind for group in shown.groups for row in group.rows].count("worse") == 0
