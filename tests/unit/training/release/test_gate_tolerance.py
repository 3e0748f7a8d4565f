"""The gate's tolerance for the riskiest tenths: inside it a version passes at any size."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.gate_documents import FEATURES, SERVICE, documents
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.reliability import share_bounds
from training.release.evidence import ModelEvidence
from training.release.gate import TOP_DECILES, CurrentChampion, evaluate
from training.release.verdict import Verdict
from training.settings import GateSettings

TEXT = json.dumps(documents())
CHAMPION = CurrentChampion(number="3", ungated=False, service=SERVICE, features=FEATURES)
SIZES = st.floats(0, 9).map(lambda power: float(round(10**power)))
SHARES = st.floats(1e-4, 0.9)


def ask(found: dict[str, Any], tolerance: float = 0.1) -> Verdict:
    evidence = ModelEvidence(
        name="churn", service=SERVICE, features=FEATURES, has_strata=True, documents=found
    )
    return evaluate(evidence, CHAMPION, GateSettings(decile_tolerance=tolerance))


def top_decile(predicted: float, observed: float, rows: float | None) -> dict[str, Any]:
    """The passing documents with other figures of the riskiest tenth within 30 days."""
    found: dict[str, Any] = json.loads(TEXT)
    decile = found[ASSESSMENT]["30"]["strata"]["all"]["deciles"][-1]
    decile.update(predicted=predicted, observed=observed, effective_rows=rows)
    return found


@given(predicted=SHARES, ratio=st.floats(0.9, 1.1), rows=SIZES)
def test_inside_the_tolerance_it_passes_at_any_size(
    predicted: float, ratio: float, rows: float
) -> None:
    assert ask(top_decile(predicted, predicted * ratio, rows)).passed


@given(
    predicted=st.floats(0.001, 0.5),
    ratio=st.one_of(st.floats(0.3, 0.65), st.floats(1.5, 1.9)),
    leavers=st.floats(2.7, 7).map(lambda power: 10**power),
)
def test_far_outside_it_fails_at_any_size_with_enough_events(
    predicted: float, ratio: float, leavers: float
) -> None:
    rows = float(round(leavers / predicted))
    verdict = ask(top_decile(predicted, predicted * ratio, rows))
    assert {reason.rule for reason in verdict.reasons} == {"top_deciles"}


def test_without_a_tolerance_more_rows_ask_for_more() -> None:
    # 2 % too high: chance among ten thousand rows, not among ten million.
    assert ask(top_decile(0.2, 0.196, 1e4), tolerance=0.0).passed
    assert not ask(top_decile(0.2, 0.196, 1e7), tolerance=0.0).passed


def test_bounds_hold_jointly_over_all_horizons_and_strata() -> None:
    found = top_decile(0.2, 0.2, 2_000.0)
    deciles = sum(len(horizon["strata"]) for horizon in found[ASSESSMENT].values()) * TOP_DECILES
    _, alone = share_bounds(np.array([0.2]), np.array([2_000.0]), 0.99, 0.1)
    _, jointly = share_bounds(np.array([0.2]), np.array([2_000.0]), 0.99 ** (1 / deciles), 0.1)
    assert deciles == 24
    assert jointly[0] > alone[0] + 0.005
    assert ask(top_decile(0.2, float(jointly[0]), 2_000.0)).passed
    assert not ask(top_decile(0.2, float(jointly[0]) + 1e-9, 2_000.0)).passed


def test_an_assessment_from_before_keeps_its_stricter_bounds() -> None:
    inside, outside = 0.04 * 1.39, 0.04 * 1.41
    assert ask(top_decile(0.04, inside, None)).passed
    assert not ask(top_decile(0.04, outside, None)).passed
