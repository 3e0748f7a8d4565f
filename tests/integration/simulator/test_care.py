"""What care does: to whom it is allowed, how often it may come, what it costs and earns."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from simulator.engine.futures import Futures
from simulator.engine.simulator import Simulator
from simulator.world.calendar import date_of
from simulator.world.care_actions import CARE_ACTIONS
from tests.builders.small_operator import SMALL, decisions


@pytest.fixture(scope="module")
def futures(two_months: Simulator) -> Futures:
    return Futures.open(two_months.folder, SMALL)


def _ours(contacts: pa.Table) -> pd.DataFrame:
    """Contacts decided outside the simulation: their numbers are of a line and a rank in a week."""
    return contacts.filter(pc.starts_with(contacts["contact_id"], "d ")).to_pandas()


def _by_line(table: pa.Table, column: str) -> dict[str, Any]:
    lines, values = table["subscription_id"].to_pylist(), table[column].to_pylist()
    return dict(zip(lines, values, strict=True))


def _care(simulator: Simulator, futures: Futures, action: str, calls: int = 1) -> pd.DataFrame:
    lines = futures.lines["subscription_id"].to_pylist()
    every = [
        decisions(simulator, "treatment", action, lines, hours=30 + 3 * call)
        for call in range(calls)
    ]
    care = pd.concat(every, ignore_index=True)
    return care.assign(contact_id=[f"d {row}" for row in range(len(care))])


def test_the_truth_of_any_week_is_that_of_the_files(
    two_months: Simulator, futures: Futures, tmp_path: Path
) -> None:
    now = futures.truth()
    longer = two_months.branch(tmp_path / "longer")
    longer.advance(7, workers=1)
    written = ds.dataset(longer.folder / "truth" / "states").to_table()
    at = pc.equal(written["happened_at"], pa.scalar(date_of(two_months.simulation.week)))
    order = [("subscription_id", "ascending")]
    assert now.sort_by(order).equals(written.filter(at).sort_by(order))
    # A week in which the files have no states.
    assert Futures.open(longer.folder, SMALL).truth().num_rows > 0


def test_many_contacts_in_a_week_save_less_than_one(
    two_months: Simulator, futures: Futures
) -> None:
    shifts = {}
    for calls in (1, 2, 15):
        care = _care(two_months, futures, "courtesy_call", calls)
        contacts = _ours(futures.run(7, care).contacts)
        reached = contacts[contacts["delivered"]]
        shifts[calls] = reached.groupby("subscription_id")["log_hazard_shift"].sum()
    helped = shifts[1][shifts[1] < -0.3].index
    assert len(helped) > 10
    assert (shifts[15].reindex(helped) > shifts[1][helped]).all()
    both = shifts[2].reindex(helped).dropna()
    # A second one in the same week helps those who had none before no more than by a part.
    assert (both > 1.7 * shifts[1][both.index]).all()


def test_too_many_contacts_annoy(two_months: Simulator, futures: Futures, tmp_path: Path) -> None:
    care = _care(two_months, futures, "recharge_reminder", 15)
    branch = two_months.branch(tmp_path / "branch")
    branch.advance(7, care, workers=1)
    outcomes = ds.dataset(branch.folder / "raw" / "care_outcomes").to_table().to_pandas()
    ours = outcomes[outcomes["contact_id"].str.startswith("d ")]
    share = ours["outcome"].value_counts() / len(care)
    assert share["opted_out"] > 0.02
    assert share["complained"] > 0.02


def test_contacts_that_were_refused_are_recorded_as_breaches(
    two_months: Simulator, futures: Futures, tmp_path: Path
) -> None:
    consents = ds.dataset(two_months.folder / "raw" / "consents").to_table().to_pandas()
    week_after = two_months.branch(tmp_path / "week_after")
    week_after.advance(7, workers=1)
    later = ds.dataset(week_after.folder / "raw" / "consents").to_table().to_pandas()
    is_new = later["happened_at"] >= date_of(two_months.simulation.week)
    undecided = set(later.loc[is_new, "customer_id"])
    last = consents.sort_values("happened_at").drop_duplicates(
        ["customer_id", "purpose", "channel"], keep="last"
    )
    refused = last[last["state"] == "withdrawn"]
    nothing = set(refused.loc[refused["purpose"] == "any_contact", "customer_id"])
    offers = refused[refused["purpose"] == "offers"]
    none, by_phone = (
        set(offers.loc[offers["channel"].astype(object) == channel, "customer_id"])
        for channel in ("any", "phone")
    )
    owner = _by_line(futures.lines, "customer_id")
    seen = {}
    for action in ("plan_fit_offer", "courtesy_call"):
        contacts = _ours(futures.run(7, _care(two_months, futures, action)).contacts)
        customers = contacts["subscription_id"].map(owner)
        seen[action] = set(contacts["breach"].dropna())
        for customer, breach in zip(customers, contacts["breach"], strict=True):
            if customer in undecided:
                continue
            if customer in nothing:
                assert breach == "any_contact"
            elif action == "courtesy_call":
                assert breach is None
            elif customer in none:
                assert breach == "offers"
            elif customer in by_phone:
                assert breach == "offers_by_phone"
    assert seen["courtesy_call"] == {"any_contact"}
    assert seen["plan_fit_offer"] == {"any_contact", "offers", "offers_by_phone"}


def test_profit_is_margin_less_costs(two_months: Simulator, futures: Futures) -> None:
    nothing = futures.run(28)
    calls = futures.run(28, _care(two_months, futures, "courtesy_call"))
    (call,) = (action for action in CARE_ACTIONS if action.name == "courtesy_call")
    ours = _ours(calls.contacts)
    assert len(ours) == futures.lines.num_rows
    assert (ours["cost"] == call.cost).all()
    margins, costs = (
        [pc.sum(table[name]).as_py() for table in tables]
        for tables, name in (
            ((nothing.lines, calls.lines), "margin"),
            ((nothing.contacts, calls.contacts), "cost"),
        )
    )
    assert costs[1] > costs[0] + len(ours) * call.cost - 50
    assert calls.profit - nothing.profit == pytest.approx(
        margins[1] - margins[0] - (costs[1] - costs[0])
    )
    # Lines that stay earn four weeks; the truth says what one is worth.
    margin = nothing.lines["margin"].to_numpy()
    worth = _by_line(futures.truth(), "margin_a_week")
    # The truth has not those that another line continues from the coming week on.
    week = np.array([worth.get(line, 0.0) for line in nothing.lines["subscription_id"].to_pylist()])
    stayed = nothing.lines["churn"].is_null().to_numpy() & (week > 0)
    assert (margin >= 0).all()
    assert np.median(np.abs(margin[stayed] / (4 * week[stayed]) - 1)) < 0.2


def test_effects_fade_at_the_rate_of_their_action(two_months: Simulator, tmp_path: Path) -> None:
    futures = Futures.open(two_months.folder, SMALL)
    block = futures._blocks[0].future(0)
    week = two_months.simulation.week
    block.state.shift[:] = 1.0
    for number in range(week, week + 2):
        block.step(number, None)
    fades = sorted({action.fade_a_week for action in CARE_ACTIONS})
    quiet = np.flatnonzero((block.state.shift < 1).all(axis=1))
    assert len(quiet) > 100
    assert np.allclose(np.median(block.state.shift[quiet], axis=0), np.square(fades), atol=1e-4)
