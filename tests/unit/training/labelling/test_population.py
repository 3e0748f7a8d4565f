from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.tables import ARRIVED
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.line_tables import CUTOFF, LineTables, day
from tests.builders.raw_tables import raw_tables, write_raw_tables
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import (
    LINE_EXCLUSIONS,
    CutoffPopulation,
    customers_present,
    lines_at_risk,
)
from training.settings import LabelSettings

SETTINGS = LabelSettings()


@pytest.fixture
def tables() -> LineTables:
    """One line, at risk."""
    tables = LineTables()
    tables.customer()
    tables.line()
    tables.reach(200)
    return tables


def _notice(tables: LineTables, status: str, happened: float, arrived: float | None = None) -> None:
    tables.add("notices", happened, arrived, notice_id="n", subscription_id="s1", status=status)


def _at_risk(
    tables: LineTables, folder: Path, present: list[str] | None = None
) -> CutoffPopulation:
    history = tables.history(folder)
    outcomes = LineOutcomes.of(history, SETTINGS)
    lines = None if present is None else pl.Series("subscription_id", present)
    return lines_at_risk(history, outcomes, CUTOFF, SETTINGS, lines)


def _excluded(population: CutoffPopulation) -> dict[str, int]:
    return {reason: count for reason, count in population.excluded.items() if count}


def test_a_line_at_risk_has_its_customer_and_household(tables: LineTables, tmp_path: Path) -> None:
    tables.customer(
        happened=-10, household_id="h1", region="North", language="zh-Hant", age_band="25_34"
    )
    tables.customer(happened=1, region="South", segment="enterprise")
    population = _at_risk(tables, tmp_path)
    assert population.rows.to_dicts() == [
        {
            "subscription_id": "s1",
            "customer_id": "c1",
            "household": "of h1",
            "billing_type": "postpaid",
            "segment": "consumer",
            "region": "North",
            "tenure": "1 to 3 years",
            "language": "zh-Hant",
            "age_band": "25_34",
        }
    ]
    assert tuple(population.excluded) == LINE_EXCLUSIONS
    assert _excluded(population) == {}


def test_missing_values_are_unknown(tables: LineTables, tmp_path: Path) -> None:
    row = _at_risk(tables, tmp_path).rows.to_dicts()[0]
    assert (row["household"], row["region"], row["language"], row["age_band"]) == (
        "alone c1",
        "unknown",
        "unknown",
        "unknown",
    )


EXCLUSIONS: dict[str, Callable[[LineTables], None]] = {
    "iot": lambda tables: tables.line(happened=-300, is_iot=True),
    "test": lambda tables: tables.line(happened=-300, is_test=True),
    "employee": lambda tables: tables.line(happened=-300, is_employee=True),
    "suspended": lambda tables: tables.line(
        happened=-2, status="suspended", status_reason="non_payment"
    ),
    "enterprise": lambda tables: tables.customer(happened=-300, segment="enterprise"),
    "new": lambda tables: tables.line(happened=-20, activated_at=day(-29)),
    "cancelling": lambda tables: tables.loss("s1", "cancellation", 20, notice=-1),
    "porting": lambda tables: tables.add(
        "port_requests", -3, request_id="p", subscription_id="s1", status="requested"
    ),
    "ended": lambda tables: tables.loss("s1", "fraud", -1, arrived=2),
    "status_unknown": lambda tables: tables.line(happened=-2, status="other"),
}


@pytest.mark.parametrize("reason", EXCLUSIONS)
def test_who_is_not_at_risk_is_counted_by_reason(
    tables: LineTables, tmp_path: Path, reason: str
) -> None:
    EXCLUSIONS[reason](tables)
    population = _at_risk(tables, tmp_path)
    assert population.rows.is_empty()
    assert _excluded(population) == {reason: 1}


CANCELLING: dict[str, Callable[[LineTables], None]] = {
    "is to be ended": lambda tables: tables.line(happened=-2, status="pending_terminate"),
    "gave notice": lambda tables: _notice(tables, "given", -1),
    "gave notice, which arrives late": lambda tables: _notice(tables, "given", -1, arrived=30),
    "takes it back later": lambda tables: (
        _notice(tables, "given", -9),
        _notice(tables, "withdrawn", 1),
    ),
}


@pytest.mark.parametrize("case", CANCELLING)
def test_who_gave_notice_is_cancelling(tables: LineTables, tmp_path: Path, case: str) -> None:
    CANCELLING[case](tables)
    assert _excluded(_at_risk(tables, tmp_path)) == {"cancelling": 1}


@pytest.mark.parametrize("step", ["eligibility_asked", "code_issued", "other"])
def test_a_port_request_counts_from_its_first_step_on(
    tables: LineTables, tmp_path: Path, step: str
) -> None:
    tables.add("port_requests", -3, request_id="p", subscription_id="s1", status=step)
    assert _excluded(_at_risk(tables, tmp_path)) == {"porting": 1}


@pytest.mark.parametrize("step", ["rejected", "lapsed"])
def test_a_port_request_that_came_to_nothing_is_over(
    tables: LineTables, tmp_path: Path, step: str
) -> None:
    tables.add("port_requests", -3, request_id="p", subscription_id="s1", status="requested")
    tables.add("port_requests", -1, request_id="p", subscription_id="s1", status=step)
    assert _excluded(_at_risk(tables, tmp_path)) == {}


LATER: dict[str, Callable[[LineTables], None]] = {
    "a flag that came later": lambda tables: tables.line(happened=-5, arrived=1, is_iot=True),
    "suspended later": lambda tables: tables.line(happened=1, status="suspended"),
    "suspended until yesterday": lambda tables: (
        tables.line(happened=-9, status="suspended"),
        tables.line(happened=-1),
    ),
    "recorded out of order": lambda tables: (
        tables.line(happened=-4, arrived=-4),
        tables.line(happened=-9, arrived=-2, status="suspended"),
    ),
    "notice after the cut-off": lambda tables: tables.loss("s1", "cancellation", 40, notice=35),
    "asked to port and thought again": lambda tables: (
        tables.add("port_requests", -9, request_id="p", subscription_id="s1", status="requested"),
        tables.add("port_requests", -3, request_id="p", subscription_id="s1", status="withdrawn"),
    ),
    "asked to port later": lambda tables: tables.add(
        "port_requests", -1, arrived=1, request_id="p", subscription_id="s1", status="requested"
    ),
    "gives notice later": lambda tables: _notice(tables, "given", 1),
    "took notice back": lambda tables: (
        _notice(tables, "given", -9),
        _notice(tables, "withdrawn", -1),
    ),
    "was to be ended and is not": lambda tables: (
        tables.line(happened=-9, status="pending_terminate"),
        tables.line(happened=-1),
    ),
    "gave notice, left and was won back": lambda tables: (
        _notice(tables, "given", -99),
        tables.loss("s1", "cancellation", -90),
        tables.line(happened=-60),
    ),
    "known for just long enough": lambda tables: tables.line(happened=-20, activated_at=day(-30)),
    "lost and won back": lambda tables: (
        tables.loss("s1", "cancellation", -90, notice=-99),
        tables.line(happened=-60),
    ),
}


@pytest.mark.parametrize("case", LATER)
def test_who_is_at_risk_by_what_had_arrived(tables: LineTables, tmp_path: Path, case: str) -> None:
    LATER[case](tables)
    population = _at_risk(tables, tmp_path)
    assert population.rows["subscription_id"].to_list() == ["s1"]
    assert _excluded(population) == {}


def test_a_store_from_before_a_column_came_reads_as_without_it(
    tables: LineTables, tmp_path: Path
) -> None:
    tables.customer(happened=-10, region="North")
    history = tables.history(tmp_path)
    (path,) = (history.directory / "customers").glob("*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["region"]), path)
    outcomes = LineOutcomes.of(history, SETTINGS)
    rows = lines_at_risk(history, outcomes, CUTOFF, SETTINGS).rows
    assert rows["region"].to_list() == ["unknown"]


def test_a_line_whose_first_row_came_late_is_new(tmp_path: Path) -> None:
    tables = LineTables()
    tables.customer()
    tables.line(happened=-400, arrived=-10)
    tables.reach(200)
    assert _excluded(_at_risk(tables, tmp_path)) == {"new": 1}


def test_a_line_that_had_not_arrived_or_had_ended_is_not_counted(tmp_path: Path) -> None:
    tables = LineTables()
    tables.customer()
    tables.line("later", happened=-1, arrived=1)
    tables.line("gone")
    tables.loss("gone", "cancellation", -50, notice=-60)
    tables.reach(200)
    population = _at_risk(tables, tmp_path)
    assert population.rows.is_empty()
    assert _excluded(population) == {}


def test_the_first_reason_that_applies_counts(tables: LineTables, tmp_path: Path) -> None:
    tables.line(happened=-300, is_iot=True, is_test=True, is_employee=True, status="suspended")
    tables.customer(happened=-300, segment="enterprise")
    assert _excluded(_at_risk(tables, tmp_path)) == {"iot": 1}


def test_lines_without_history_are_left_out(tables: LineTables, tmp_path: Path) -> None:
    tables.line("s2")
    population = _at_risk(tables, tmp_path, present=["s2", "s3"])
    assert population.rows["subscription_id"].to_list() == ["s2"]
    assert _excluded(population) == {"no_history": 1}


def test_an_inactive_prepaid_line_is_lost_after_that_many_days(tmp_path: Path) -> None:
    tables = LineTables()
    tables.customer()
    for name, last in (("inactive", -31), ("just", -30), ("quiet", -29), ("back", -40)):
        tables.line(name, billing_type="prepaid")
        tables.used(name, last)
    tables.used("back", -2)
    tables.reach(200)
    population = _at_risk(tables, tmp_path)
    assert population.rows["subscription_id"].to_list() == ["back", "quiet"]
    assert _excluded(population) == {"inactive": 2}


def test_without_usage_prepaid_lines_are_left_out(tmp_path: Path) -> None:
    tables = LineTables()
    tables.customer()
    tables.line("pre", billing_type="prepaid")
    tables.line("post")
    tables.add("app_events", 200, customer_id="c1", event="login")
    population = _at_risk(tables, tmp_path)
    assert population.rows["subscription_id"].to_list() == ["post"]
    assert _excluded(population) == {"use_unknown": 1}


def test_customers_have_a_line_of_their_own_in_use(tmp_path: Path) -> None:
    tables = LineTables()
    for name in ("both", "machine", "firm", "suspended", "gone", "later"):
        tables.customer(
            name, segment="enterprise" if name == "firm" else "consumer", first_seen_at=day(-2000)
        )
    tables.line("a", customer_id="both", is_iot=True)
    tables.line("b", customer_id="both")
    tables.line("c", customer_id="both", billing_type="fixed")
    tables.line("d", customer_id="machine", is_iot=True)
    tables.line("e", customer_id="firm")
    tables.line("f", customer_id="suspended", status="suspended")
    tables.line("g", customer_id="gone", status="ended")
    tables.line("h", happened=1, customer_id="later")
    population = customers_present(tables.history(tmp_path), CUTOFF)
    assert population.rows.select("customer_id", "billing_type", "tenure").rows() == [
        ("both", "mixed", "over 3 years")
    ]
    assert _excluded(population) == {"iot_test_employee": 1, "enterprise": 1, "suspended": 1}


def test_missing_tables_and_time_zones_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold the table customers"):
        RawHistory(tmp_path, NOW)
    tables = LineTables()
    with pytest.raises(InputError, match="until: must have a time zone"):
        tables.history(tmp_path, until=CUTOFF.replace(tzinfo=None))
    with pytest.raises(InputError, match="they are all empty"):
        assert tables.history(tmp_path).end
    (tmp_path / "churn_events" / "part.parquet").unlink()
    with pytest.raises(InputError, match="must hold the table churn_events: it records losses"):
        LineOutcomes.of(RawHistory(tmp_path, NOW), SETTINGS)


@settings(max_examples=8)
@given(st.integers(0, 10_000), st.integers(60, 160))
def test_what_arrives_later_changes_nothing_and_everybody_is_counted(seed: int, days: int) -> None:
    drawn = raw_tables(
        seed,
        12,
        only=(
            "customers",
            "subscriptions",
            "churn_events",
            "usage_weeks",
            "recharges",
            "port_requests",
        ),
    )
    until = day(days - 57)
    at = day(days - 97)
    populations = []
    with TemporaryDirectory() as folder:
        for number, tables in enumerate(
            (drawn, {name: _arrived(table, until) for name, table in drawn.items()})
        ):
            history = RawHistory(write_raw_tables(tables, Path(folder) / str(number)), until)
            outcomes = LineOutcomes.of(history, SETTINGS)
            population = lines_at_risk(history, outcomes, at, SETTINGS)
            labels = outcomes.label(population.rows, at, SETTINGS.gap_days, ("cancellation",))
            populations.append((population.rows.to_dicts(), population.excluded, labels.to_dicts()))
            states = history.as_known("subscriptions", ["status"], at).collect()
            in_service = states.filter(pl.col("status") != "ended").height
            assert population.rows.height + sum(population.excluded.values()) == in_service
    assert populations[0] == populations[1]


def _arrived(table, until):  # type: ignore[no-untyped-def]
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.filter(pl.col(ARRIVED) <= until).to_arrow().cast(table.schema)
