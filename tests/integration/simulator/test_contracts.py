"""Every raw table of a simulated operator obeys its contract."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from simulator.engine.magnitudes import magnitudes
from simulator.engine.simulator import Simulator, simulate
from simulator.engine.writer import NOT_SIMULATED
from simulator.world.calendar import START_DATE, date_of

MONTHS = 6

START = pd.Timestamp(START_DATE)

SIMULATED = [name for name in TABLES if name not in NOT_SIMULATED]

NOT_WRITTEN = {
    "subscriptions": {
        *("account_id", "ends_at", "access_technology", "sold_download_mbps", "sold_upload_mbps"),
    },
    "plans": {"kind"},
    "tickets": {
        *("severity", "due_at", "received_from", "regulator_case_id", "regulator_received_at"),
        *("regulator_due_at", "owner_id", "area_kind"),
    },
}
"""Columns that may be absent, and are: the simulator knows nothing of them."""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return simulate(
        tmp_path_factory.mktemp("contracts") / "operator",
        customers=1_500,
        months=MONTHS,
        seed=3,
        daily_usage=True,
    )


def _frame(folder: Path, table: str) -> pd.DataFrame:
    return ds.dataset(folder / "raw" / table).to_table().to_pandas(types_mapper=pd.ArrowDtype)


@pytest.mark.parametrize("table", SIMULATED)
def test_a_table_obeys_its_contract(simulated: Simulator, table: str) -> None:
    contract = TABLES[table]
    written = ds.dataset(simulated.folder / "raw" / table).schema.remove_metadata()
    absent = set(contract.columns) - set(written.names)
    assert absent == NOT_WRITTEN.get(table, set())
    assert written == pa.schema(
        [field for field in contract.arrow_schema if field.name not in absent]
    )
    frame = _frame(simulated.folder, table)
    assert len(frame) > 0
    contract.schema.remove_columns(sorted(absent)).validate(frame, lazy=True)
    assert not frame.duplicated(list(contract.identity)).any()
    end = pd.Timestamp(date_of(simulated.simulation.week))
    assert frame[ARRIVED].max() <= end
    assert frame[HAPPENED].max() <= end


@pytest.mark.parametrize("table", SIMULATED)
def test_ids_are_found_where_they_refer_to(simulated: Simulator, table: str) -> None:
    for name, column in TABLES[table].schema.columns.items():
        other = column.metadata["references"]
        if other is None:
            continue
        mine = ds.dataset(simulated.folder / "raw" / table).to_table([name])[name].drop_null()
        theirs = (
            ds.dataset(simulated.folder / "raw" / other).to_table([TABLES[other].key[0]]).column(0)
        )
        missing = pc.invert(pc.is_in(mine, theirs))
        # The row referred to may still be on its way.
        assert (pc.mean(missing).as_py() or 0) < 0.01, name


@pytest.mark.parametrize("table", [name for name in SIMULATED if name != "plans"])
def test_rows_arrive_late_but_not_all(simulated: Simulator, table: str) -> None:
    frame = _frame(simulated.folder, table)
    delay = frame[ARRIVED] - frame[HAPPENED]
    corrected = (
        frame.duplicated(list(TABLES[table].key), keep=False)
        if TABLES[table].kind == "event"
        else False
    )
    assert (delay[~corrected] if corrected is not False else delay).median() < pd.Timedelta(
        days=1.5
    )
    assert delay.min() > pd.Timedelta(0)


def test_magnitudes_are_of_the_published_order(simulated: Simulator) -> None:
    simulated_values = {
        magnitude.figure: magnitude.simulated for magnitude in magnitudes(simulated.folder)
    }
    assert all(
        magnitude.source or magnitude.published.startswith("assumed")
        for magnitude in magnitudes(simulated.folder)
    )
    rates = [
        simulated_values[f"voluntary churn of {line}, % per month"]
        for line in ("mobile postpaid", "fixed", "mobile prepaid")
    ]
    assert 0.3 < rates[0] < 1.6
    assert 0.5 < rates[1] < 2.2
    assert 2 < rates[2] < 6
    assert 8 < simulated_values["relationship CSAT low (1 or 2 of 5), %"] < 28
    assert simulated_values["90-day churn because of the plan-fit offer, points"] > 0
    # It does nothing, but to the few who were contacted just before.
    assert 0 <= simulated_values["90-day churn because of the data gift, points"] < 0.01
    assert simulated_values["90-day churn because of the outage apology, points"] < 0


def test_days_of_use_add_up_to_their_weeks(simulated: Simulator) -> None:
    days, weeks = _frame(simulated.folder, "usage_days"), _frame(simulated.folder, "usage_weeks")
    days["week_start_at"] = days["day_start_at"] - pd.to_timedelta(
        days["day_start_at"].dt.dayofweek, unit="D"
    )
    key = ["subscription_id", "week_start_at"]
    sums = days.groupby(key).agg(
        days=("is_used", "size"),
        used=("is_used", "sum"),
        roaming=("is_roaming", "sum"),
        last=("last_used_at", "max"),
        **{name: (name, "sum") for name in ("minutes", "data_gb", "overage")},
    )
    both = weeks.join(sums[sums["days"] == 7], on=key, how="inner", rsuffix="_of_days")
    assert len(both) > 20_000
    for name in ("minutes", "data_gb", "overage"):
        # Both are whole tenths of a minute, or hundredths.
        difference = both[f"{name}_of_days"] - both[name].fillna(0)
        assert (difference.abs() < 1e-6).all(), name
    assert (both["last"] == both["last_used_at"]).all()
    agree = both["used"] == 7 - both["zero_use_days"]
    # A week whose last use leaves no room for its days with use has fewer of them.
    assert agree.mean() > 0.99
    assert (both.loc[~agree, "used"] < 7 - both.loc[~agree, "zero_use_days"]).all()
    room = (both["last"] - both["week_start_at"]) // pd.Timedelta(days=1)
    assert (both.loc[~agree, "used"] == room[~agree] + 1).all()


def test_no_day_is_used_before_its_line_began_or_after_its_last_use(simulated: Simulator) -> None:
    days = _frame(simulated.folder, "usage_days").sort_values(["subscription_id", "day_start_at"])
    used = days[days["is_used"]]
    assert (used["last_used_at"] >= used["day_start_at"]).all()
    assert (days["last_used_at"] <= days[HAPPENED]).all()
    unused = days[~days["is_used"]]
    assert (unused["last_used_at"] < unused["day_start_at"]).mean() > 0.99
    later = days["last_used_at"] >= days.groupby("subscription_id")["last_used_at"].shift()
    assert later[later.notna()].all()


def test_no_event_of_the_burn_in_is_told(simulated: Simulator) -> None:
    for table in SIMULATED:
        if TABLES[table].kind == "event":
            assert _frame(simulated.folder, table)[HAPPENED].min() > START, table
    states = ds.dataset(simulated.folder / "truth" / "states").to_table().to_pandas()
    assert states[HAPPENED].min() == START
    for table in ("losses", "contacts", "invitations"):
        told = ds.dataset(simulated.folder / "truth" / table).to_table().to_pandas()
        assert told[HAPPENED].min() >= START, table


def test_tables_of_states_hold_what_is_so_when_the_period_starts(simulated: Simulator) -> None:
    for table in ("customers", "subscriptions", "devices", "consents", "loyalty", "arrears"):
        frame = _frame(simulated.folder, table)
        before = frame[frame[ARRIVED] <= START]
        assert len(before) > 0, table
        assert not before.duplicated(list(TABLES[table].key)).any(), table
    lines = _frame(simulated.folder, "subscriptions")
    before = lines[lines[ARRIVED] <= START]
    assert set(before["status"]) <= {"active", "suspended"}
    customers = _frame(simulated.folder, "customers")
    owners = set(lines["customer_id"])
    assert set(customers.loc[customers[ARRIVED] <= START, "customer_id"]) <= owners
    # Some lines have changed within the burn-in: they are not as they began.
    assert (before[HAPPENED] > before["activated_at"]).mean() > 0.1


@pytest.mark.parametrize(
    ("table", "column", "other"),
    [
        ("interactions", "ticket_id", "tickets"),
        ("survey_invitations", "interaction_id", "interactions"),
        ("appointments", "order_id", "orders"),
        ("care_outcomes", "contact_id", "care_contacts"),
        ("payments", "bill_id", "bills"),
    ],
)
def test_no_row_refers_to_a_case_of_the_burn_in(
    simulated: Simulator, table: str, column: str, other: str
) -> None:
    mine = _frame(simulated.folder, table)
    soon = mine[mine[HAPPENED] < START + pd.Timedelta(days=60)]
    # Rows of interactions are lost now and then.
    known = soon[column].dropna().isin(_frame(simulated.folder, other)[column])
    assert len(known) > 0
    assert known.mean() > 0.99


@pytest.mark.parametrize(
    ("table", "case", "first"),
    [
        ("tickets", "ticket_id", "opened"),
        ("orders", "order_id", "placed"),
        ("port_requests", "request_id", "requested"),
        ("appointments", "appointment_id", "planned"),
    ],
)
def test_a_case_is_told_from_its_first_row(
    simulated: Simulator, table: str, case: str, first: str
) -> None:
    frame = _frame(simulated.folder, table)
    begun = set(frame.loc[frame["status"] == first, case])
    late = ~frame[case].isin(begun)
    # The first row may still be on its way.
    assert late.mean() < 0.01
    assert (frame.loc[late, HAPPENED] > START + pd.Timedelta(days=60)).all()
