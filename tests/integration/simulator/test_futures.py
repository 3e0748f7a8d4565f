"""Futures of one state: equal to those that are written, and differing by care alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from holdfast.errors import InputError
from simulator.engine.futures import Futures
from simulator.engine.simulator import Simulator
from tests.builders.small_operator import SMALL, decisions

DAYS = 91


@pytest.fixture(scope="module")
def futures(two_months: Simulator) -> Futures:
    return Futures.open(two_months.folder, SMALL)


@pytest.fixture(scope="module")
def untreated(futures: Futures) -> pa.Table:
    return futures.run(DAYS).lines


@pytest.fixture(scope="module")
def treated(two_months: Simulator, futures: Futures) -> pa.Table:
    return futures.run(DAYS, _everybody(two_months, futures)).lines


def _everybody(simulator: Simulator, futures: Futures) -> pd.DataFrame:
    return decisions(simulator, "treatment", "plan_fit_offer", _lines(futures))


def _lines(futures: Futures) -> list[str]:
    lines: list[str] = futures.lines["subscription_id"].to_pylist()
    return lines


def test_a_future_has_the_losses_and_contacts_of_one_that_is_written(
    two_months: Simulator, futures: Futures, tmp_path: Path
) -> None:
    care = decisions(two_months, "treatment", "plan_fit_offer", _lines(futures)[::2])
    care["contact_id"] = [f"decision {row}" for row in range(len(care))]
    written = two_months.branch(tmp_path / "written")
    written.advance(DAYS, care, workers=1)
    future = futures.run(DAYS, care)
    truth = ds.dataset(written.folder / "truth" / "losses").to_table()
    since = pc.greater_equal(truth["happened_at"], pa.scalar(care["at"].iloc[0].floor("D")))
    expected = {
        row["subscription_id"]: (row["churn"], row["happened_at"])
        for row in truth.filter(since).to_pylist()
    }
    lost = future.lines.filter(pc.is_valid(future.lines["churn"]))
    assert lost.num_rows > 20
    for row in lost.to_pylist():
        assert expected[row["subscription_id"]] == (row["churn"], row["lost_at"])
    assert set(expected) & set(_lines(futures)) == set(lost["subscription_id"].to_pylist())
    contacts = ds.dataset(written.folder / "truth" / "contacts").to_table()
    ours = contacts.filter(pc.starts_with(contacts["contact_id"], "decision "))
    order = [("contact_id", "ascending")]
    mine = future.contacts.filter(pc.starts_with(future.contacts["contact_id"], "decision "))
    assert ours.num_rows == len(care)
    assert ours.select(mine.column_names).sort_by(order).equals(mine.sort_by(order))


def test_running_a_future_leaves_the_state_as_it_was(
    futures: Futures, untreated: pa.Table, treated: pa.Table
) -> None:
    assert not treated["churn"].equals(untreated["churn"])
    assert futures.run(DAYS).lines.equals(untreated)


def test_two_futures_hold_the_outcomes_of_any_draw_of_arms(
    two_months: Simulator, futures: Futures, untreated: pa.Table, treated: pa.Table
) -> None:
    homes = pc.coalesce(futures.lines["household_id"], futures.lines["customer_id"])
    chosen = np.array([int(home[1:]) % 2 == 0 for home in homes.to_pylist()])
    mixed = futures.run(DAYS, _everybody(two_months, futures)[chosen]).lines
    composed = pc.if_else(pa.array(chosen), treated["churn"], untreated["churn"])
    assert mixed["churn"].equals(composed)


def test_replicas_differ_and_each_is_always_the_same(futures: Futures, untreated: pa.Table) -> None:
    one, again, other = (
        futures.run(DAYS, replica=replica).lines["lost_at"] for replica in (1, 1, 2)
    )
    assert one.equals(again)
    assert not one.equals(other)
    assert not one.equals(untreated["lost_at"])


def test_effects_are_differences_between_futures(
    two_months: Simulator, futures: Futures, untreated: pa.Table, treated: pa.Table
) -> None:
    everybody = _everybody(two_months, futures)
    effects = futures.effects(DAYS, everybody, replicas=1)
    stayed = [lines["stayed"].to_numpy().astype(float) for lines in (untreated, treated)]
    np.testing.assert_array_equal(effects["stays"].to_numpy(), stayed[0])
    np.testing.assert_array_equal(effects["effect"].to_numpy(), stayed[1] - stayed[0])
    # A gift of data does nothing to anybody.
    gift = futures.effects(28, everybody.assign(action="data_gift"), replicas=2)
    assert not gift["effect"].to_numpy().any()
    assert gift["stays"].to_numpy().min() < 1


@pytest.mark.parametrize(
    ("days", "replica", "field"), [(10, 0, "days"), (0, 0, "days"), (7, -1, "replica")]
)
def test_bad_values_are_named(futures: Futures, days: int, replica: int, field: str) -> None:
    with pytest.raises(InputError) as raised:
        futures.run(days, replica=replica)
    assert raised.value.field == field
