from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from simulator.engine.actions import ByBlock, sort_actions
from simulator.world.calendar import date_of, start_of
from simulator.world.care_actions import ACTIONS

ROW: dict[str, Any] = {
    "subscription_id": "S000000003",
    "action": "courtesy_call",
    "channel": "phone",
    "at": datetime(2024, 3, 5, 9, tzinfo=UTC),
    "arm": "treatment",
    "propensity": 0.5,
}


def _sorted(*rows: dict[str, Any], table: type = pa.Table) -> ByBlock:
    frame = pd.DataFrame(list(rows))
    return sort_actions(
        pa.Table.from_pandas(frame) if table is pa.Table else frame,
        [40, 30],
        50,
        30,
        int(start_of(9)),
        int(start_of(13)),
    )


@pytest.mark.parametrize("table", [pa.Table, pd.DataFrame])
def test_decisions_are_sorted_by_block_and_week(table: type) -> None:
    other = ROW | {
        "subscription_id": None,
        "customer_id": "C00000031",
        "channel": None,
        "arm": "control",
        "propensity": None,
    }
    later = ROW | {"at": datetime(2024, 3, 12, tzinfo=UTC)}
    decisions = _sorted(
        ROW | {"customer_id": None}, other, later | {"customer_id": None}, table=table
    )
    assert {block: sorted(weeks) for block, weeks in decisions.items()} == {0: [9, 10], 1: [9]}
    mine, theirs = decisions[0][9], decisions[1][9]
    assert (mine.line[0], mine.whole[0], ACTIONS[mine.action[0]]) == (3, False, "courtesy_call")
    assert (theirs.line[0], theirs.customer[0], theirs.whole[0], theirs.channel[0]) == (
        -1,
        1,
        True,
        -1,
    )


def test_decisions_about_one_subscription_in_one_week_are_numbered() -> None:
    decisions = _sorted(ROW, ROW | {"at": datetime(2024, 3, 6, tzinfo=UTC)})[0][9]
    assert list(decisions.rank) == [1, 2]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subscription_id": "S000000040"}, "actions.subscription_id"),
        ({"subscription_id": "S002000000"}, "actions.subscription_id"),
        ({"subscription_id": "3"}, "actions.subscription_id"),
        ({"subscription_id": None, "customer_id": "C00000050"}, "actions.customer_id"),
        ({"action": "bribe"}, "actions.action"),
        ({"channel": "pigeon"}, "actions.channel"),
        ({"arm": "leg"}, "actions.arm"),
        ({"propensity": 1.5}, "actions.propensity"),
        ({"at": datetime(2024, 3, 5, 9)}, "actions.at"),  # noqa: DTZ001
        ({"at": date_of(13)}, "actions.at"),
        ({"at": date_of(8)}, "actions.at"),
    ],
)
def test_a_bad_value_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as raised:
        _sorted(ROW | change, table=pd.DataFrame)
    assert raised.value.field == field


def test_columns_must_be_there() -> None:
    with pytest.raises(InputError, match="must have subscription_id or customer_id"):
        sort_actions(pd.DataFrame({"action": []}), [3], 3, 3, 0, 4)
