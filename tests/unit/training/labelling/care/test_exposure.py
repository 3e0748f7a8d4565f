from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.builders.line_tables import CUTOFF, LineTables, day
from training.labelling.care.exposure import CareExposure, care_exposure
from training.labelling.care.weights import GREATEST_WEIGHT, CareWeights, RowsAtRisk, care_weights


def _rows(count: int = 1, **columns: object) -> pl.DataFrame:
    """Lines s1, s2, ... of customer c1, whose labels end on day 97."""
    given = {
        "subscription_id": [f"s{number + 1}" for number in range(count)],
        "customer_id": "c1",
        "household": "alone c1",
        "cutoff": CUTOFF,
        "label_end": day(97),
        "at_risk_until": day(97),
        "billing_type": "postpaid",
        **columns,
    }
    return pl.select(
        **{
            name: pl.Series(value) if isinstance(value, list) else pl.lit(value)
            for name, value in given.items()
        }
    )


@pytest.fixture
def tables() -> LineTables:
    tables = LineTables()
    tables.customer()
    tables.customer("c2")
    return tables


def _exposure(tables: LineTables, folder: Path, rows: pl.DataFrame | None = None) -> CareExposure:
    rows = _rows() if rows is None else rows
    return care_exposure(tables.history(folder), rows, {90: pl.col("label_end")})


def _weights(exposure: CareExposure, rows: pl.DataFrame) -> CareWeights:
    """Weights of all rows, by cut-off and billing type: their features tell nothing."""
    names = rows["cutoff"].cast(pl.String).to_numpy() + rows["billing_type"].to_numpy()
    return care_weights(
        exposure,
        RowsAtRisk(
            stratum=np.unique(names, return_inverse=True)[1],
            customers=rows["customer_id"].to_numpy().astype(np.str_),
            features=("nothing",),
            kept=np.arange(len(rows)),
            matrix=np.zeros((len(rows), 1)),
            read=lambda positions: np.zeros((len(positions), 1)),
        ),
    )


def _weight(exposure: CareExposure, rows: pl.DataFrame) -> np.ndarray:
    return _weights(exposure, rows).weight.get(90, np.ones(len(rows)))


CASES: dict[str, tuple[Callable[[LineTables], None], bool, float]] = {
    # what was decided, whether the line is touched, its weight
    "nothing": (lambda t: None, False, 1),
    "treated": (lambda t: t.care(1, 5, "treatment"), True, 1),
    "treated, though it did not arrive": (
        lambda t: t.care(1, 5, "treatment", delivered=False),
        True,
        1,
    ),
    "treated as its customer": (lambda t: t.care(1, 5, "treatment", subscription_id=None), True, 1),
    "treated by rule": (lambda t: t.care(1, 5, "treatment", None), True, 1),
    "treated at the cut-off": (lambda t: t.care(1, 0, "treatment"), False, 1),
    "treated in the last moment": (lambda t: t.care(1, 97, "treatment"), True, 1),
    "treated later": (lambda t: t.care(1, 97.01, "treatment"), False, 1),
    "another line treated": (lambda t: t.care(1, 5, "treatment", subscription_id="s2"), False, 1),
    "another customer treated": (
        lambda t: t.care(1, 5, "treatment", customer_id="c2", subscription_id=None),
        False,
        1,
    ),
    "treated, then corrected": (
        lambda t: (t.care(1, 5, "treatment"), t.care(1, 5, "control", 0.25, arrived=9)),
        False,
        4,
    ),
    "control": (lambda t: t.care(1, 5, "control", 0.4), False, 2.5),
    "control, not drawn": (lambda t: t.care(1, 5, "control", None), False, 1),
    "control beside a holdout": (
        lambda t: (
            t.care(1, 5, "control", 0.45),
            t.care(2, 5, "holdout", 0.1, subscription_id="s9"),
        ),
        False,
        2,
    ),
    "control beside another campaign's holdout": (
        lambda t: (
            t.care(1, 5, "control", 0.45),
            t.care(2, 5, "holdout", 0.1, subscription_id="s9", campaign_id="other"),
        ),
        False,
        1 / 0.45,
    ),
    "control without a campaign": (
        lambda t: (
            t.care(1, 5, "control", 0.5, campaign_id=None),
            t.care(2, 5, "holdout", 0.1, subscription_id="s9", campaign_id=None),
        ),
        False,
        2,
    ),
    "holdout": (lambda t: t.care(1, 5, "holdout", 0.1), False, 1),
    "control twice": (
        lambda t: (
            t.care(1, 5, "control", 0.5),
            t.care(2, 9, "control", 0.25, campaign_id="other", subscription_id=None),
        ),
        False,
        8,
    ),
    "control again in a campaign that draws once": (
        lambda t: (t.care(1, 5, "control", 0.5), t.care(2, 70, "control", 0.5)),
        False,
        2,
    ),
    "control again in a campaign that draws anew": (
        lambda t: (
            *(t.care(1, 5, "control", 0.5), t.care(2, 70, "control", 0.5)),
            t.care(3, 5, "control", 0.5, customer_id="c2", subscription_id="s2"),
            t.care(4, 70, "treatment", 0.5, customer_id="c2", subscription_id="s2"),
        ),
        False,
        4,
    ),
    "control as often as to be clipped": (
        lambda t: [
            t.care(number, 5 + number, "control", 0.2, campaign_id=str(number))
            for number in range(2)
        ],
        False,
        GREATEST_WEIGHT,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_care_did_to_a_line(tables: LineTables, tmp_path: Path, case: str) -> None:
    tell, touched, weight = CASES[case]
    tell(tables)
    exposure = _exposure(tables, tmp_path)
    assert bool(exposure.touched[0]) is touched
    if not touched:
        assert _weight(exposure, _rows())[0] == pytest.approx(weight)


def test_everything_is_counted(tables: LineTables, tmp_path: Path) -> None:
    tables.care(1, 5, "treatment", subscription_id="s1")
    tables.care(2, 5, "treatment", None, subscription_id="s2")
    tables.care(3, 5, "control", subscription_id="s3")
    tables.care(4, 5, "control", 0.01, subscription_id="s4")
    rows = _rows(5, billing_type=["postpaid", "prepaid", *["postpaid"] * 3])
    weights = _weights(_exposure(tables, tmp_path, rows), rows)
    assert (
        weights.facts["90"]
        | {
            "touched_randomised": 1,
            "touched_otherwise": 1,
            "weighted": 2,
            "clipped": 1,
            "rows": 3,
            "largest_weight": GREATEST_WEIGHT,
        }
        == weights.facts["90"]
    )
    assert weights.facts["90"]["effective_rows"] == pytest.approx(23**2 / (4 + 400 + 1))
    np.testing.assert_allclose(weights.weight[90][2:], [2, GREATEST_WEIGHT, 1])


def test_customers_are_touched_through_any_of_their_lines(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.care(1, 5, "treatment", subscription_id="s7", customer_id="c2")
    tables.care(2, 5, "control", 0.5, subscription_id="s1")
    tables.care(3, 6, "control", 0.5, subscription_id=None, campaign_id="other")
    rows = _rows(2, customer_id=["c1", "c2"]).drop(
        "subscription_id", "at_risk_until", "billing_type"
    )
    exposure = _exposure(tables, tmp_path, rows)
    assert exposure.touched.tolist() == [False, True]
    assert exposure.horizons[90].control_weight[0] == 4


def test_without_care_no_row_is_touched(tables: LineTables, tmp_path: Path) -> None:
    exposure = _exposure(tables, tmp_path, _rows(3))
    assert not (exposure.touched | exposure.holdout).any()
    assert not exposure.is_any
    assert _weights(exposure, _rows(3)) == CareWeights({}, {})


def test_a_household_is_held_out_as_soon_as_one_of_it_is(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.customer("c3", household_id="h")
    tables.customer("c4", household_id="h")
    tables.care(1, -50, "holdout", customer_id="c3", subscription_id="s9")
    tables.care(2, 50, "holdout", customer_id="c2", subscription_id="s8")
    tables.care(3, 50, "holdout", arrived=98, customer_id="c1")
    rows = _rows(3, household=["alone c1", "of h", "alone c2"], customer_id=["c1", "c4", "c2"])
    assert _exposure(tables, tmp_path, rows).holdout.tolist() == [False, True, True]


def test_the_uncared_for_stand_for_those_that_care_by_rule_reached(
    tables: LineTables, tmp_path: Path
) -> None:
    # Of ten lines one is lost on day 3 and one on day 15; care reaches three of nine on day 10 and
    # two of five on day 20.
    for number in (1, 2, 3):
        tables.care(number, 10, "treatment", None, subscription_id=f"s{number}")
    for number in (4, 5):
        tables.care(number, 20, "treatment", None, subscription_id=f"s{number}")
    until = [day(97)] * 8 + [day(15), day(3)]
    rows = _rows(10, at_risk_until=until)
    exposure = _exposure(tables, tmp_path, rows)
    assert exposure.touched.tolist() == [True] * 5 + [False] * 5
    weight = _weight(exposure, rows)
    np.testing.assert_allclose(weight[5:], [2.5, 2.5, 2.5, 1.5, 1])
    # The nine in service on day 10 are stood for in full.
    assert weight[5:9].sum() == pytest.approx(9)


def test_other_cut_offs_and_billing_types_stand_for_themselves(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.care(1, 10, "treatment", None, subscription_id="s1")
    later = CUTOFF + timedelta(weeks=4)
    rows = _rows(
        4,
        billing_type=["postpaid", "postpaid", "fixed", "postpaid"],
        cutoff=[CUTOFF, CUTOFF, CUTOFF, later],
    )
    weight = _weight(_exposure(tables, tmp_path, rows), rows)
    np.testing.assert_allclose(weight[1:], [2, 1, 1])


def test_where_care_by_rule_reached_all_rows_none_is_left(
    tables: LineTables, tmp_path: Path
) -> None:
    for number in (1, 2):
        tables.care(number, 10 + number, "treatment", None, subscription_id=f"s{number}")
    rows = _rows(3, at_risk_until=[day(97), day(97), day(5)])
    exposure = _exposure(tables, tmp_path, rows)
    assert exposure.touched.tolist() == [True, True, False]
    assert np.isfinite(_weight(exposure, rows)).all()


@pytest.mark.parametrize("by_rule", [False, True])
def test_leaving_out_the_touched_does_not_move_the_share_of_losses(
    tmp_path: Path, by_rule: bool
) -> None:
    """Lines lost early escape care; were the others only left out, losses would be estimated too
    often.
    """
    random = np.random.default_rng(4)
    count = 4000
    lost_at = random.exponential(120, count) + 0.01
    tables = LineTables()
    for number, decided in enumerate(random.uniform(1, 90, count)):
        if lost_at[number] > decided and random.random() < 0.8:
            drawn = random.random() < 0.6
            arm, propensity = ("treatment", 0.6) if drawn else ("control", 0.4)
            if drawn or not by_rule:
                line = f"s{number + 1}"
                tables.care(
                    number,
                    decided,
                    arm,
                    None if by_rule else propensity,
                    subscription_id=line,
                    campaign_id=None,
                )
    rows = _rows(count, at_risk_until=[day(min(lost, 97)) for lost in lost_at])
    exposure = _exposure(tables, tmp_path, rows)
    weight = _weight(exposure, rows)
    for within in (37, 67, 97):
        lost = lost_at <= within
        kept = ~exposure.touched
        naive = lost[kept].mean()
        weighted = np.average(lost[kept], weights=weight[kept])
        assert naive > lost.mean() + 0.04
        assert weighted == pytest.approx(lost.mean(), abs=0.02)


ENDS = {days: pl.col("label_end") - timedelta(days=90 - days) for days in (30, 60, 90)}


def test_each_horizon_has_its_own_window(tables: LineTables, tmp_path: Path) -> None:
    """The gap counts; what comes after a horizon's own label, or after the line's end, does not."""
    tables.care(1, 5, "treatment", None, subscription_id="s1")
    tables.care(2, 37, "treatment", subscription_id="s2")
    tables.care(3, 37.01, "treatment", None, subscription_id="s3")
    tables.care(4, 80, "treatment", subscription_id="s4")
    tables.care(5, 80, "treatment", subscription_id="s5")
    rows = _rows(6, at_risk_until=[*[day(97)] * 4, day(79), day(97)])
    exposure = care_exposure(tables.history(tmp_path), rows, ENDS)
    touched = {days: one.touched.tolist() for days, one in exposure.horizons.items()}
    assert touched == {
        30: [True, True, False, False, False, False],
        60: [True, True, True, False, False, False],
        90: [True, True, True, True, False, False],
    }
    assert exposure.touched.tolist() == touched[30]
    by_rule = {days: one.by_rule.tolist() for days, one in exposure.horizons.items()}
    assert by_rule[30] == [True, *[False] * 5]
    assert by_rule[90] == [True, False, True, *[False] * 3]
    until = exposure.horizons[60].until
    assert until[[0, 3, 4]].tolist() == [
        at.replace(tzinfo=None) for at in (day(5), day(67), day(67))
    ]
    assert exposure.horizons[90].until[4] == np.datetime64(day(79).replace(tzinfo=None))


def test_where_a_label_is_not_complete_the_longest_complete_one_tells(
    tables: LineTables, tmp_path: Path
) -> None:
    """Nothing is known of the time after it: neither care nor that there was none."""
    tables.care(1, 50, "treatment", None, subscription_id="s1")
    tables.care(2, 80, "treatment", None, subscription_id="s2")
    tables.care(3, 50, "control", 0.5, subscription_id="s3")
    tables.care(4, 80, "control", 0.5, subscription_id="s4")
    known = {30: True, 60: True, 90: pl.col("subscription_id").is_in(["s5", "s6"])}
    ends = {days: pl.when(known[days]).then(end) for days, end in ENDS.items()}
    exposure = care_exposure(tables.history(tmp_path), _rows(6), ends)
    within_60, within_90 = exposure.horizons[60], exposure.horizons[90]
    assert within_60.complete.all()
    assert within_90.complete.tolist() == [*[False] * 4, True, True]
    assert within_90.touched.tolist() == [True, *[False] * 5]
    assert within_90.control_weight.tolist() == [1, 1, 2, 1, 1, 1]
    of_known = day(97).replace(tzinfo=None)
    assert within_90.until[4:].tolist() == [of_known, of_known]
    for name in ("end", "until"):
        times = getattr(within_90, name)[:4]
        assert times.tolist() == getattr(within_60, name)[:4].tolist()


def test_a_draw_counts_for_the_horizons_that_it_falls_into(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.care(1, 40, "control", 0.5, campaign_id="one")
    tables.care(2, 90, "control", 0.25, campaign_id="other")
    exposure = care_exposure(tables.history(tmp_path), _rows(), ENDS)
    weights = {days: one.control_weight[0] for days, one in exposure.horizons.items()}
    assert weights == {30: 1, 60: 2, 90: 8}


def test_a_campaign_without_control_is_a_rule(tables: LineTables, tmp_path: Path) -> None:
    tables.care(1, 5, "treatment", 0.95, subscription_id="s1")
    tables.care(2, 5, "holdout", 0.05, subscription_id="s2")
    tables.care(3, 5, "treatment", 0.95, subscription_id="s3", campaign_id="other")
    exposure = care_exposure(tables.history(tmp_path), _rows(3), ENDS)
    assert exposure.horizons[30].touched.tolist() == [True, False, True]
    assert exposure.horizons[30].by_rule.tolist() == [True, False, False]


def test_the_first_treatment_decides_whether_care_was_drawn(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.care(1, 50, "treatment", None, subscription_id="s1")
    tables.care(2, 20, "treatment", 0.5, subscription_id="s1")
    tables.care(3, 20, "treatment", 0.5, subscription_id="s2")
    tables.care(4, 20, "treatment", None, subscription_id="s2")
    exposure = care_exposure(tables.history(tmp_path), _rows(2), ENDS)
    for one in exposure.horizons.values():
        assert one.by_rule.tolist() == [False, True]
