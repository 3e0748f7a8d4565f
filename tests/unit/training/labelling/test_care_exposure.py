from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.builders.line_tables import CUTOFF, LineTables, day
from training.labelling.care_exposure import GREATEST_WEIGHT, CareExposure, care_exposure


def _rows(count: int = 1, **columns: object) -> pl.DataFrame:
    """Lines s1, s2, ... of customer c1, whose labels end on day 97."""
    given = {
        "subscription_id": [f"s{number + 1}" for number in range(count)],
        "customer_id": "c1",
        "household": "alone c1",
        "cutoff": CUTOFF,
        "label_end": day(97),
        "in_service_until": day(97),
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
    return care_exposure(tables.history(folder), _rows() if rows is None else rows)


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
        assert exposure.weight[0] == pytest.approx(weight)


def test_everything_is_counted(tables: LineTables, tmp_path: Path) -> None:
    tables.care(1, 5, "treatment", subscription_id="s1")
    tables.care(2, 5, "treatment", None, subscription_id="s2")
    tables.care(3, 5, "control", subscription_id="s3")
    tables.care(4, 5, "control", 0.01, subscription_id="s4")
    rows = _rows(5).drop("in_service_until")
    exposure = _exposure(tables, tmp_path, rows)
    assert exposure.counts == {
        "touched_randomised": 1,
        "touched_otherwise": 1,
        "weighted": 2,
        "clipped": 1,
    }
    np.testing.assert_allclose(exposure.weight[2:], [2, GREATEST_WEIGHT, 1])


def test_customers_are_touched_through_any_of_their_lines(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.care(1, 5, "treatment", subscription_id="s7", customer_id="c2")
    tables.care(2, 5, "control", 0.5, subscription_id="s1")
    tables.care(3, 6, "control", 0.5, subscription_id=None, campaign_id="other")
    rows = _rows(2, customer_id=["c1", "c2"]).drop(
        "subscription_id", "in_service_until", "billing_type"
    )
    exposure = _exposure(tables, tmp_path, rows)
    assert exposure.touched.tolist() == [False, True]
    assert exposure.weight[0] == 4


def test_without_care_no_row_is_touched(tables: LineTables, tmp_path: Path) -> None:
    exposure = _exposure(tables, tmp_path, _rows(3))
    assert not (exposure.touched | exposure.holdout).any()
    assert (exposure.weight == 1).all()
    assert set(exposure.counts.values()) == {0}


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
    exposure = _exposure(tables, tmp_path, _rows(10, in_service_until=until))
    assert exposure.touched.tolist() == [True] * 5 + [False] * 5
    np.testing.assert_allclose(exposure.weight[5:], [2.5, 2.5, 2.5, 1.5, 1])
    # The nine in service on day 10 are stood for in full.
    assert exposure.weight[5:9].sum() == pytest.approx(9)


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
    np.testing.assert_allclose(_exposure(tables, tmp_path, rows).weight[1:], [2, 1, 1])


def test_where_care_by_rule_reached_all_rows_none_is_left(
    tables: LineTables, tmp_path: Path
) -> None:
    for number in (1, 2):
        tables.care(number, 10 + number, "treatment", None, subscription_id=f"s{number}")
    exposure = _exposure(tables, tmp_path, _rows(3, in_service_until=[day(97), day(97), day(5)]))
    assert exposure.touched.tolist() == [True, True, False]
    assert np.isfinite(exposure.weight).all()


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
    rows = _rows(count, in_service_until=[day(min(lost, 97)) for lost in lost_at])
    exposure = _exposure(tables, tmp_path, rows)
    for within in (37, 67, 97):
        lost = lost_at <= within
        kept = ~exposure.touched
        naive = lost[kept].mean()
        weighted = np.average(lost[kept], weights=exposure.weight[kept])
        assert naive > lost.mean() + 0.04
        assert weighted == pytest.approx(lost.mean(), abs=0.02)
