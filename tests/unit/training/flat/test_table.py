"""Who is in service, and which version of a loss counts."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from training.flat.table import _STATE, _in_service, _last_versions

CUTOFF = datetime(2025, 3, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def state(
    line: str, days_before: int, arrived_before: int | None = None, **values: object
) -> dict[str, object]:
    known = CUTOFF - (days_before if arrived_before is None else arrived_before) * DAY
    marks = {"is_test": None, "is_employee": None, "is_iot": None}
    return {
        "subscription_id": line,
        "status": "active",
        **marks,
        HAPPENED: CUTOFF - days_before * DAY,
        ARRIVED: known,
        **values,
    }


def test_the_newest_state_that_had_arrived_decides_nulls_included() -> None:
    states = [
        state("active", 9),
        state("suspended", 9),
        state("suspended", 2, status="suspended"),
        state("ended later", 9),
        state("ended later", 1, -1, status="ended"),
        state("test", 9, is_test=True),
        state("no longer a test", 9, is_test=True),
        state("no longer a test", 2),
    ]
    schema = pa.schema([TABLES["subscriptions"].arrow_schema.field(name) for name in _STATE])
    assert _in_service(pa.Table.from_pylist(states, schema=schema), CUTOFF) == [
        "active",
        "ended later",
        "no longer a test",
    ]


def test_a_later_version_of_a_loss_replaces_the_earlier_one() -> None:
    loss = {"subscription_id": "1", HAPPENED: CUTOFF}
    rows = [
        {**loss, "churn": "non_payment", ARRIVED: CUTOFF + 2 * DAY},
        {**loss, "churn": "port_out", ARRIVED: CUTOFF + DAY},
    ]
    assert _last_versions(pa.Table.from_pylist(rows))["churn"].to_pylist() == ["non_payment"]
