"""A simulation as a whole: bytes, continuation, policies, interruption."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from features.contracts.tables import TABLES
from holdfast.errors import InputError
from simulator.engine import simulator as module
from simulator.engine.futures import Futures
from simulator.engine.simulation import Simulation
from simulator.engine.simulator import Simulator, simulate
from simulator.engine.writer import NOT_SIMULATED
from simulator.weekly.churn import CARE_CAUSES, CAUSES
from simulator.world.calendar import date_of
from tests.builders.guides import run_python
from tests.builders.small_operator import SMALL, decisions, small_operator


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _rows(folder: Path, table: str) -> pa.Table:
    rows = ds.dataset(folder / table).to_table()
    return rows.sort_by([(name, "ascending") for name in rows.column_names]).combine_chunks()


def _same_rows(one: Path, other: Path) -> None:
    for table in [
        *(f"raw/{name}" for name in TABLES if name not in {"usage_days", *NOT_SIMULATED}),
        "truth/states",
        "truth/losses",
        "truth/contacts",
    ]:
        assert _rows(one, table).equals(_rows(other, table)), table


def test_the_same_seed_gives_the_same_bytes_in_one_process_or_two(
    two_months: Simulator, tmp_path: Path
) -> None:
    again = simulate(
        tmp_path / "again", customers=500, months=2, seed=5, workers=2, parameters=SMALL
    )
    assert _bytes(again.folder) == _bytes(two_months.folder)
    other = simulate(
        tmp_path / "other", customers=500, months=2, seed=6, workers=1, parameters=SMALL
    )
    assert _bytes(other.folder) != _bytes(two_months.folder)


def test_days_of_use_change_nothing_else(two_months: Simulator, tmp_path: Path) -> None:
    by_day = small_operator(tmp_path / "by_day", daily_usage=True)
    assert not (two_months.folder / "raw" / "usage_days").exists()
    mine, theirs = _bytes(by_day.folder), _bytes(two_months.folder)
    differ = {name for name in mine.keys() | theirs if mine.get(name) != theirs.get(name)}
    assert {name.split("/")[-2] for name in differ if name.startswith("raw")} == {"usage_days"}
    assert not {name for name in differ if name.startswith("truth")}
    by_day.advance(28, workers=1)
    longer = small_operator(tmp_path / "longer_by_day", months=3, daily_usage=True)
    weeks = by_day.simulation.week
    assert weeks <= longer.simulation.week
    rows = [_rows(one.folder, "raw/usage_days") for one in (by_day, longer)]
    arrived = pc.less_equal(rows[1]["arrived_at"], pa.scalar(date_of(weeks)))
    assert rows[1].filter(arrived).equals(rows[0])


def test_going_on_equals_simulating_longer(two_months: Simulator, tmp_path: Path) -> None:
    longer = small_operator(tmp_path / "longer", months=3)
    at_once, by_steps = (
        two_months.branch(tmp_path / "at_once"),
        two_months.branch(tmp_path / "by_steps"),
    )
    at_once.advance(35, workers=1)
    by_steps.advance(14, workers=1)
    by_steps = Simulator.open(by_steps.folder, SMALL)
    assert by_steps.advance(21, workers=1).week == longer.simulation.week == 13
    _same_rows(at_once.folder, longer.folder)
    _same_rows(by_steps.folder, longer.folder)
    assert (
        _bytes(longer.folder / "checkpoint").keys() == _bytes(by_steps.folder / "checkpoint").keys()
    )


def test_days_add_up_to_weeks(two_months: Simulator, tmp_path: Path) -> None:
    lines = ds.dataset(two_months.folder / "truth/states").to_table()["subscription_id"].unique()
    today, later = (
        decisions(two_months, "treatment", "courtesy_call", lines.to_pylist()[:200], hours)
        for hours in (30, 5 * 24)
    )
    # The second call to the same customers comes too often, and is the second of its week.
    both = pd.concat([today, later], ignore_index=True)
    by_week, by_days = (two_months.branch(tmp_path / name) for name in ("by_week", "by_days"))
    by_week.advance(14, both, workers=1)
    for days, care in ((3, today), (1, None), (4, later)):
        by_days.advance(days, care, workers=1)
        by_days = Simulator.open(by_days.folder, SMALL)
        now = pd.Timestamp(by_days.simulation.end)
        for table in ("raw/usage_weeks", "raw/care_contacts", "raw/tickets", "truth/contacts"):
            column = "arrived_at" if table.startswith("raw") else "happened_at"
            expected = _rows(by_week.folder, table)
            known = expected.filter(pc.less_equal(expected[column], pa.scalar(now)))
            assert _rows(by_days.folder, table).equals(known), (table, days)
    assert (by_days.simulation.week, by_days.simulation.days) == (9, 1)
    with pytest.raises(InputError, match=r"actions\.at: must lie in the days"):
        by_days.advance(1, today)
    with pytest.raises(InputError, match="must be simulated to the end of a week"):
        Futures.open(by_days.folder, SMALL)
    assert by_days.advance(6, workers=1).days == 0
    _same_rows(by_days.folder, by_week.folder)


def test_the_truth_says_what_raises_a_hazard_most(two_months: Simulator) -> None:
    states = _rows(two_months.folder, "truth/states").to_pandas()
    assert set(states["driver"]) <= set(CAUSES)
    assert set(states["care_driver"]) <= set(CARE_CAUSES)
    assert states["driver"].nunique() > 4
    # Where the largest of all is one that care can change, it is the largest of those.
    is_both = states["driver"].isin(CARE_CAUSES)
    assert is_both.any()
    assert (states.loc[is_both, "driver"] == states.loc[is_both, "care_driver"]).all()


def test_care_affects_only_the_customers_it_treats(two_months: Simulator, tmp_path: Path) -> None:
    states = ds.dataset(two_months.folder / "truth/states").to_table().to_pandas()
    states = states[states["happened_at"] == states["happened_at"].max()]
    lines = sorted(states["subscription_id"])[:200]
    base, control, treated = (
        two_months.branch(tmp_path / name) for name in ("base", "control", "treated")
    )
    base.advance(35, workers=1)
    control.advance(35, decisions(control, "control", "plan_fit_offer", lines), workers=1)
    treated.advance(35, decisions(treated, "treatment", "plan_fit_offer", lines), workers=1)
    for table in (
        "raw/usage_weeks",
        "raw/interactions",
        "raw/survey_answers",
        "raw/churn_events",
        "truth/states",
    ):
        assert _rows(base.folder, table).equals(_rows(control.folder, table)), table
    contacts = _rows(treated.folder, "raw/care_contacts")
    assert set(lines) <= set(contacts["subscription_id"].to_pylist())

    people = (
        ds.dataset(two_months.folder / "raw/customers")
        .to_table()
        .to_pandas()
        .drop_duplicates("customer_id")
    )
    owners = (
        ds.dataset(two_months.folder / "raw/subscriptions")
        .to_table()
        .to_pandas()
        .drop_duplicates("subscription_id")
    )
    homes = owners.merge(people, on="customer_id").assign(
        home=lambda frame: frame["household_id"].fillna(frame["customer_id"])
    )
    touched = set(homes.loc[homes["subscription_id"].isin(lines), "home"])
    apart = pa.array(homes.loc[~homes["home"].isin(touched), "subscription_id"])
    for table in (
        "raw/usage_weeks",
        "raw/network_weeks",
        "raw/recharges",
        "raw/churn_events",
        "truth/states",
    ):
        one, other = (_rows(folder, table) for folder in (base.folder, treated.folder))
        one, other = (
            rows.filter(pc.is_in(rows["subscription_id"], apart)) for rows in (one, other)
        )
        assert one.num_rows > 0
        assert one.equals(other), table
    assert not _rows(base.folder, "truth/states").equals(_rows(treated.folder, "truth/states"))


def test_contacts_and_their_outcomes_have_the_names_of_decisions(
    two_months: Simulator, tmp_path: Path
) -> None:
    states = ds.dataset(two_months.folder / "truth/states").to_table().to_pandas()
    lines = sorted(states["subscription_id"].unique())[:300]
    named, unnamed = (two_months.branch(tmp_path / name) for name in ("named", "unnamed"))
    chosen = decisions(named, "treatment", "plan_fit_offer", lines)
    names = {"contact_id": [f"decision {line}" for line in lines], "campaign_id": "spring"}
    named.advance(7, chosen.assign(**names), workers=1)
    unnamed.advance(7, chosen, workers=1)
    # Answers arrive later, from the checkpoint.
    for simulator in (named, unnamed):
        simulator.advance(14, workers=1)
    contacts = _rows(named.folder, "raw/care_contacts").to_pandas()
    ours = contacts[contacts["campaign_id"] == "spring"]
    assert dict(zip(ours["contact_id"], ours["subscription_id"], strict=True)) == {
        f"decision {line}": line for line in lines
    }
    outcomes = _rows(named.folder, "raw/care_outcomes").to_pandas()
    answered = outcomes[outcomes["contact_id"].str.startswith("decision ")]
    assert len(answered) > 100
    assert set(answered["contact_id"]) <= set(ours["contact_id"])
    # Names change nothing else.
    other = _rows(unnamed.folder, "raw/care_outcomes").to_pandas()
    for column in ("outcome", "value", "happened_at"):
        assert sorted(outcomes[column].astype(str)) == sorted(other[column].astype(str))
    for table in ("raw/churn_events", "truth/states"):
        assert _rows(named.folder, table).equals(_rows(unnamed.folder, table)), table


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        ({"contact_id": "D1"}, r"actions\.contact_id: must not be there twice"),
        ({"contact_id": ["K1", "D2"]}, r"actions\.contact_id: must not look like"),
        ({"campaign_id": "spring"}, r"actions\.campaign_id: must come with a contact_id"),
    ],
)
def test_bad_names_are_refused(two_months: Simulator, names: dict[str, Any], rule: str) -> None:
    states = ds.dataset(two_months.folder / "truth/states").to_table().to_pandas()
    lines = sorted(states["subscription_id"].unique())[:2]
    chosen = decisions(two_months, "treatment", "data_gift", lines).assign(**names)
    with pytest.raises(InputError, match=rule):
        two_months.advance(7, chosen)


@pytest.mark.parametrize(
    ("days", "field"), [(0, "days"), (-7, "days"), (True, "days"), (7.0, "days"), (3651, "days")]
)
def test_days_are_a_whole_number(two_months: Simulator, days: Any, field: str) -> None:
    before = _bytes(two_months.folder)
    with pytest.raises(InputError) as raised:
        two_months.advance(days)
    assert raised.value.field == field
    assert _bytes(two_months.folder) == before


def test_bad_actions_change_nothing(two_months: Simulator) -> None:
    before = _bytes(two_months.folder)
    with pytest.raises(InputError, match=r"actions\.subscription_id"):
        two_months.advance(7, decisions(two_months, "treatment", "data_gift", ["S999999999"]))
    assert _bytes(two_months.folder) == before


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"customers": 0}, "--customers"),
        ({"customers": 10, "months": 0}, "--months"),
        ({"customers": 10, "months": 61}, "--months"),
        ({"customers": 10, "seed": -1}, "--seed"),
        ({"customers": 2.5}, "--customers"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as raised:
        simulate(tmp_path / "out", **settings)
    assert raised.value.field == field
    assert not any(tmp_path.iterdir())


def test_other_folders_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for place in ("mine", "file"):
        with pytest.raises(InputError, match="must be a new folder"):
            simulate(tmp_path / place, customers=5, months=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


def test_an_earlier_simulation_is_replaced(two_months: Simulator, tmp_path: Path) -> None:
    simulator = two_months.branch(tmp_path / "operator")
    small_operator(simulator.folder, months=1)
    assert Simulator.open(simulator.folder, SMALL).simulation.week == 4
    assert [path.name for path in tmp_path.iterdir()] == ["operator"]


class _PulledPlugError(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(
    two_months: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ran = module.run_period, []

    def run_until_second_block(block: Any, *rest: Any) -> None:
        ran.append(int(block.population.customers.number[0]))
        if len(ran) == 2:
            raise _PulledPlugError
        run(block, *rest)

    monkeypatch.setattr(module, "run_period", run_until_second_block)
    with pytest.raises(_PulledPlugError):
        small_operator(tmp_path / "operator")
    assert not (tmp_path / "operator").exists()
    again = small_operator(tmp_path / "operator")
    second = SMALL.planned(250)
    assert ran == [0, second, second]
    assert _bytes(again.folder) == _bytes(two_months.folder)


def test_an_interrupted_advance_is_dropped_or_completed(
    two_months: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, simulator = (
        two_months.branch(tmp_path / "whole"),
        two_months.branch(tmp_path / "operator"),
    )
    whole.advance(14, workers=1)
    before = _bytes(simulator.folder)

    def fail(*_: Any) -> None:
        raise _PulledPlugError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_commit", fail)
        with pytest.raises(_PulledPlugError):
            simulator.advance(14, workers=1)
    ready = tmp_path / "ready"
    shutil.copytree(simulator.folder, ready)
    assert Simulator.open(ready, SMALL).simulation.week == 10
    assert _bytes(ready) == _bytes(whole.folder)
    (simulator.folder / ".advance" / "simulation.json").unlink()
    assert Simulator.open(simulator.folder, SMALL).simulation.week == 8
    assert _bytes(simulator.folder) == before


def test_other_magnitudes_are_refused(two_months: Simulator) -> None:
    with pytest.raises(InputError, match="same magnitudes"):
        Simulator.open(two_months.folder)
    with pytest.raises(InputError, match="complete simulation"):
        Simulator.open(two_months.folder / "raw")


def test_folders_of_another_format_are_refused(two_months: Simulator, tmp_path: Path) -> None:
    older = two_months.branch(tmp_path / "older")
    replace(two_months.simulation, format=1).write(older.folder)
    with pytest.raises(InputError, match="simulate it anew"):
        Simulator.open(older.folder, SMALL)


def test_checkpoints_need_no_pickle(two_months: Simulator) -> None:
    for path in (two_months.folder / "checkpoint").iterdir():
        with np.load(path, allow_pickle=False) as stored:
            assert all(stored[name].dtype != object for name in stored.files)


def test_every_table_is_there_even_if_nothing_happened(tmp_path: Path) -> None:
    lonely = simulate(tmp_path / "lonely", customers=1, months=1, workers=1, daily_usage=True)
    raw = lonely.folder / "raw"
    tables = {path.name for path in raw.iterdir() if path.is_dir()}
    assert tables == set(TABLES) - NOT_SIMULATED
    for name in tables:
        names = ds.dataset(raw / name).schema.names
        assert {
            column for column, rules in TABLES[name].schema.columns.items() if not rules.nullable
        } <= set(names)


def test_the_settings_say_what_was_simulated(two_months: Simulator) -> None:
    stored = Simulation.read(two_months.folder)
    assert stored is not None
    assert (stored.customers, stored.months, stored.seed, stored.week) == (500, 2, 5, 8)
    assert (stored.start[:10], stored.end[:10]) == ("2024-01-01", "2024-02-26")
    assert sum(stored.lines) > 500


def test_the_guides_example_goes_on_under_two_policies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(tmp_path / "var" / "operator", customers=100, months=1, seed=5, workers=1)
    monkeypatch.chdir(tmp_path)
    operator = Simulator.open(tmp_path / "var" / "operator")
    somebody = _rows(operator.folder, "raw/subscriptions")["subscription_id"][0].as_py()
    actions = pa.table(
        {
            "subscription_id": [somebody],
            "action": ["courtesy_call"],
            "channel": ["phone"],
            "at": [date_of(operator.simulation.week)],
            "arm": ["treatment"],
        }
    )
    names = run_python("simulated_operator", actions=actions)
    for branch in (names["ours"], names["nothing"]):
        assert isinstance(branch, Simulator)
        assert branch.simulation.week == operator.simulation.week + 13
    assert isinstance(names["effect"], float)
