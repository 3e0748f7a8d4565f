"""Figures of the training report."""

import dataclasses

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
        name: dataclasses.replace(
            calibration,
            slope=estimate(1.0, 0.05),
            observed_over_expected=estimate(ratios.get(name, ratios["all"]), 0.05),
        )
        for name, calibration in one.strata.items()
    }
    return dataclasses.replace(one, strata=strata)


def test_orange_is_what_the_gate_finds_fault_with() -> None:
    assert orange(moved({"all": 1.0})) == {"slope": [], "observed_over_expected": []}
    season = orange(moved({"all": 1.4}))["observed_over_expected"]
    assert len(season) == 1
    apart = orange(moved({"all": 1.4, "prepaid": 0.7}))["observed_over_expected"]
    assert set(apart) == {*season, "prepaid"}
