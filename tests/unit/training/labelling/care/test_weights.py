"""Weights of rows that care left untouched, on made-up lines whose risk without care is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labelling.care import weights as care_weights_module
from training.labelling.care.exposure import CareExposure, HorizonExposure
from training.labelling.care.rates import StratumHazards
from training.labelling.care.weights import (
    GREATEST_WEIGHT,
    CareWeights,
    RowsAtRisk,
    care_weights,
)

CUTOFF = np.datetime64("2025-03-03", "us")
GAP_DAYS, HORIZONS = 7, (30, 60, 90)
ROWS = 6_000


def _days(number: np.ndarray) -> np.ndarray:
    return CUTOFF + (number * 86_400e6).astype("timedelta64[us]")


def exposure_of(lost_at: np.ndarray, cared_at: np.ndarray, by_rule: np.ndarray) -> CareExposure:
    """Of lines that are lost, and treated, some days after the cut-off."""
    horizons = {}
    for days in HORIZONS:
        end = np.full(len(lost_at), float(GAP_DAYS + days))
        touched = cared_at <= np.minimum(end, lost_at)
        horizons[days] = HorizonExposure(
            touched=touched,
            by_rule=touched & by_rule,
            control_weight=np.ones(len(lost_at)),
            complete=np.ones(len(lost_at), dtype=bool),
            end=_days(end),
            until=_days(np.minimum.reduce([end, lost_at, cared_at])),
        )
    return CareExposure(horizons, np.zeros(len(lost_at), dtype=bool))


def rows_of(exposure: CareExposure, matrix: np.ndarray) -> RowsAtRisk:
    """The rows at risk of one cut-off and billing type, each of another customer."""
    kept = np.flatnonzero(~exposure.touched)
    return RowsAtRisk(
        stratum=np.zeros(len(matrix), dtype=np.int64),
        customers=np.array([f"c{number:05d}" for number in range(len(matrix))]),
        features=tuple(f"f{number}" for number in range(matrix.shape[1])),
        kept=kept,
        matrix=matrix[kept],
        read=lambda positions: matrix[positions],
    )


class MadeUp:
    """Lines whose risk grows with their first feature. A rule reaches those the sooner whose first
    feature is low; the first hundred rows are there twice.
    """

    def __init__(self) -> None:
        random = np.random.default_rng(7)
        twice = np.concatenate([np.arange(ROWS - 100), np.arange(100)])
        self.matrix = random.normal(size=(ROWS, 3))[twice]
        signal = self.matrix[:, 0]
        self.lost_at = random.exponential(400.0, ROWS)[twice] * np.exp(-signal)
        self.cared_at = random.exponential(250.0, ROWS)[twice] * np.exp(signal)
        self.exposure = exposure_of(self.lost_at, self.cared_at, np.ones(ROWS, dtype=bool))
        rows = rows_of(self.exposure, self.matrix)
        self.rows = replace(rows, customers=rows.customers[twice])

    def losses(self, days: int, weighted: CareWeights | None = None) -> float:
        """Share of losses within a horizon among its untouched rows."""
        left = ~self.exposure.horizons[days].touched[self.rows.kept]
        lost = (self.lost_at <= GAP_DAYS + days)[self.rows.kept]
        weight = None if weighted is None else weighted.weight[days][left]
        return float(np.average(lost[left], weights=weight))

    def truth(self, days: int) -> float:
        """Share of losses within a horizon of all rows, had there been no care."""
        return float((self.lost_at <= GAP_DAYS + days).mean())


@pytest.fixture(scope="module")
def made_up() -> MadeUp:
    return MadeUp()


@pytest.fixture(scope="module")
def weighted(made_up: MadeUp) -> CareWeights:
    return care_weights(made_up.exposure, made_up.rows)


@pytest.mark.parametrize("days", HORIZONS)
def test_untouched_rows_weighted_by_their_features_meet_the_risk_without_care(
    made_up: MadeUp, weighted: CareWeights, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    truth = made_up.truth(days)
    monkeypatch.setattr(care_weights_module, "FEWEST_REACHED", ROWS + 1)
    by_strata = care_weights(made_up.exposure, made_up.rows)
    assert made_up.losses(days) > 1.1 * truth
    assert made_up.losses(days, by_strata) > 1.05 * truth
    assert made_up.losses(days, weighted) == pytest.approx(truth, abs=0.01)
    assert by_strata.facts[str(days)]["rule"] == "strata"
    assert by_strata.facts[str(days)]["balance"]["apart_after"] == 1
    assert not by_strata.facts[str(days)]["shown"]


def test_what_the_weights_did_is_told(made_up: MadeUp, weighted: CareWeights) -> None:
    facts = weighted.facts["30"]
    untouched = ~made_up.exposure.horizons[30].touched[made_up.rows.kept]
    weight = weighted.weight[30][untouched]
    assert facts["rule"] == "features"
    assert facts["touched_otherwise"] == made_up.exposure.horizons[30].touched.sum()
    assert facts["touched_randomised"] == 0
    assert facts["rows"] == untouched.sum()
    assert facts["effective_rows"] == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    customers = made_up.rows.customers[made_up.rows.kept][untouched]
    of_customer = np.array([weight[customers == one].sum() for one in np.unique(customers)])
    assert facts["customers"] == len(of_customer) < facts["rows"]
    assert facts["effective_customers"] == pytest.approx(
        of_customer.sum() ** 2 / (of_customer**2).sum()
    )
    assert facts["largest_weight"] == weight.max()
    assert facts["balance"]["columns"] == 3
    assert facts["balance"]["apart_before"] == 1
    assert facts["balance"]["worst"][0]["column"] == "f0"
    assert facts["balance"]["apart_after"] == 0
    assert facts["overlap"]["share"] == 0
    assert facts["shown"]


def test_rows_of_equal_features_and_time_have_equal_weights(
    made_up: MadeUp, weighted: CareWeights
) -> None:
    for days in HORIZONS:
        by_row = np.zeros(ROWS)
        by_row[made_up.rows.kept] = weighted.weight[days]
        np.testing.assert_array_equal(by_row[-100:], by_row[:100])


def test_rows_of_one_customer_are_counted_as_one() -> None:
    """Without weights, 3,000 rows of 1,000 customers are 1,000, and not 3,000."""
    exposure = exposure_of(np.full(3000, np.inf), np.full(3000, np.inf), np.zeros(3000, dtype=bool))
    for one in exposure.horizons.values():
        one.touched[:3] = True
    rows = rows_of(exposure, np.random.default_rng(8).normal(size=(3000, 2)))
    rows = replace(rows, customers=np.repeat(rows.customers[:1000], 3))
    for facts in care_weights(exposure, rows).facts.values():
        assert facts["effective_rows"] == pytest.approx(facts["rows"]) == pytest.approx(2997)
        assert facts["effective_customers"] == pytest.approx(facts["customers"]) == 999


def test_where_care_reaches_everybody_of_a_kind_the_correction_is_not_shown_to_work() -> None:
    random = np.random.default_rng(5)
    matrix = random.normal(size=(3000, 2))
    cared_at = np.where(matrix[:, 0] > 0.5, random.uniform(5, 30, 3000), np.inf)
    exposure = exposure_of(random.exponential(400.0, 3000), cared_at, np.ones(3000, dtype=bool))
    for facts in care_weights(exposure, rows_of(exposure, matrix)).facts.values():
        assert facts["overlap"]["share"] > 0.2
        assert not facts["shown"]


def test_what_draws_put_into_control_represents_what_they_treated() -> None:
    random = np.random.default_rng(6)
    treated = random.random(4000) < 0.75
    cared_at = np.where(treated, 10.0, np.inf)
    exposure = exposure_of(np.full(4000, np.inf), cared_at, np.zeros(4000, dtype=bool))
    for one in exposure.horizons.values():
        one.control_weight[~treated] = 4.0
    weighted = care_weights(exposure, rows_of(exposure, random.normal(size=(4000, 2))))
    for days, facts in weighted.facts.items():
        assert facts["rule"] is None
        assert facts["overlap"] is None
        assert facts["touched_randomised"] == treated.sum()
        assert facts["effective_rows"] == facts["rows"] == (~treated).sum()
        assert facts["shown"]
        assert set(weighted.weight[int(days)]) == {4.0}


def test_rows_whose_label_is_not_complete_change_nothing_within_that_horizon(
    made_up: MadeUp, weighted: CareWeights
) -> None:
    """The same lines once more at a later cut-off, followed for 30 days and no longer."""
    whole, short = made_up.exposure.horizons, made_up.exposure.horizons[30]
    twice = {
        days: HorizonExposure(
            touched=np.concatenate([one.touched, short.touched]),
            by_rule=np.concatenate([one.by_rule, short.by_rule]),
            control_weight=np.ones(2 * ROWS),
            complete=np.concatenate([one.complete, np.full(ROWS, days == 30)]),
            end=np.concatenate([one.end, short.end]),
            until=np.concatenate([one.until, short.until]),
        )
        for days, one in whole.items()
    }
    exposure = CareExposure(twice, np.zeros(2 * ROWS, dtype=bool))
    rows = rows_of(exposure, np.concatenate([made_up.matrix, made_up.matrix]))
    stratum = np.repeat([0, 1], ROWS)
    both = care_weights(exposure, replace(rows, stratum=stratum))
    for days, factor in ((30, 2), (60, 1), (90, 1)):
        before, after = weighted.facts[str(days)], both.facts[str(days)]
        for count in ("touched_otherwise", "touched_randomised", "rows"):
            assert after[count] == factor * before[count]
        assert after["balance"]["apart_after"] == 0
        assert after["overlap"]["share"] == pytest.approx(before["overlap"]["share"], abs=0.01)
        left = ~whole[days].touched[made_up.rows.kept]
        first = both.weight[days][: len(made_up.rows.kept)][left]
        lost = (made_up.lost_at <= GAP_DAYS + days)[made_up.rows.kept][left]
        assert np.average(lost, weights=first) == pytest.approx(made_up.truth(days), abs=0.01)


def test_of_many_rows_some_customers_are_examined(
    made_up: MadeUp, weighted: CareWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(care_weights_module, "EXAMINED_ROWS", ROWS // 2)
    some = care_weights(made_up.exposure, made_up.rows)
    assert made_up.losses(90, some) == pytest.approx(made_up.truth(90), abs=0.02)
    assert some.facts["90"]["rows"] == weighted.facts["90"]["rows"]
    assert some.facts["90"]["effective_rows"] != weighted.facts["90"]["effective_rows"]


_DAYS_TO = st.lists(st.tuples(st.integers(1, 120), st.integers(1, 120)), min_size=1, max_size=40)


@given(_DAYS_TO)
def test_laws_of_marks_and_weights(days: list[tuple[int, int]]) -> None:
    lost_at, cared_at = np.array(days, dtype=np.float64).T
    # Care and loss never come at the same moment.
    exposure = exposure_of(lost_at + 0.5, cared_at, np.ones(len(days), dtype=bool))
    weighted = care_weights(exposure, rows_of(exposure, np.zeros((len(days), 1))))
    kept = np.flatnonzero(~exposure.touched)
    shorter = np.ones(len(kept))
    for (_, one), (_, longer) in zip(
        exposure.horizons.items(), list(exposure.horizons.items())[1:], strict=False
    ):
        assert (longer.touched | ~one.touched).all()
    for horizon, weight in weighted.weight.items():
        one = exposure.horizons[horizon]
        left, followed = ~one.touched[kept], one.until[kept]
        assert (weight[left] >= shorter[left] - 1e-9).all()
        assert (weight[left] <= GREATEST_WEIGHT).all()
        for until in np.unique(followed[left]):
            assert len(np.unique(weight[left & (followed == until)])) == 1
        shorter = weight


@given(_DAYS_TO, st.sampled_from([0.5, 1.0, 2.0]))
def test_hazards_are_those_of_kaplan_and_meier(days: list[tuple[int, int]], rate: float) -> None:
    lost_at, cared_at = np.array(days, dtype=np.float64).T + np.array([[0.5], [0.0]])
    until, reached = np.minimum(lost_at, cared_at), cared_at < lost_at
    stratum = np.zeros(len(days), dtype=np.int64)
    hazards = StratumHazards(stratum, _days(until)[:, None], reached, np.full((len(days), 1), rate))
    for at in (1.0, 50.0, 120.0):
        share = 1.0
        for time in np.unique(until[reached & (until <= at)]):
            at_risk = int((until >= time).sum())
            reach = min(int((reached & (until == time)).sum()), at_risk - 0.5)
            share *= 1 - reach / at_risk
        found = hazards.by_window(stratum, _days(np.full((len(days), 1), at)))
        np.testing.assert_allclose(np.exp(-rate * found), share)
