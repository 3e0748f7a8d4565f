"""One flat table of one cut-off: features of subscriptions, and whether they were lost afterwards.

It lets `quickstart` use an operator's raw tables, and shows in the simplest way how well a simulated
operator can be predicted.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from features.contracts.vocabulary import ARRIVED, HAPPENED, VOLUNTARY_CHURN
from features.fields import SERVICES, VIEWS
from features.operator.repository import OperatorRepository
from holdfast.arrays import Floats
from holdfast.errors import InputError

SERVICE = "churn_v1"
ID, LABEL = "subscription_id", "left"

_INACTIVE_DAYS = 30
"""A prepaid line without use and recharge for longer has left already."""


def flat_table(
    repository: OperatorRepository, raw: Path, cutoff: datetime, horizon_days: int = 90
) -> pa.Table:
    """Features of subscriptions in service at a cut-off, labelled by voluntary churn afterwards.

    Test, employee and machine lines, suspended lines, and prepaid lines inactive for 30 days are
    left out.

    Parameters
    ----------
    repository : OperatorRepository
        Stores the features of the cut-off.
    raw : Path
        The accepted raw tables.
    cutoff : datetime
        Aware; a Monday of the history.
    horizon_days : int
        How long after the cut-off the label looks.

    Returns
    -------
    Table
        `ID`, the columns of `SERVICE` and `LABEL`, by id.

    Raises
    ------
    InputError
        The raw tables do not reach to the end of the horizon, or nobody is known at the cut-off.
    """
    churn = _read(raw, "churn_events", [ID, "churn", HAPPENED, ARRIVED])
    end = cutoff + timedelta(days=horizon_days)
    newest = pc.max(churn[ARRIVED]).as_py()
    if newest is None or newest < end:
        raise InputError(
            "cutoff",
            f"must lie {horizon_days} days before the end of churn_events, {newest}",
            cutoff.isoformat(),
        )
    ids = _in_service(_read(raw, "subscriptions", _STATE), cutoff)
    if not ids:
        raise InputError(
            "cutoff", "must be a time at which subscriptions were known", cutoff.isoformat()
        )
    columns = [column for view in SERVICES[SERVICE] for column in VIEWS[view].columns]
    times = np.full(len(ids), np.datetime64(cutoff.astimezone(UTC).replace(tzinfo=None), "us"))
    matrix = repository.historical(SERVICE, ids, times)
    known = _sampled(matrix, columns) & ~_inactive(matrix, columns)
    churn = _last_versions(churn)
    within = pc.and_(pc.greater(churn[HAPPENED], cutoff), pc.less_equal(churn[HAPPENED], end))
    left = set(
        churn.filter(pc.and_(within, pc.is_in(churn["churn"], pa.array(VOLUNTARY_CHURN))))[
            ID
        ].to_pylist()
    )
    chosen = np.flatnonzero(known)
    arrays = {ID: pa.array([ids[row] for row in chosen], pa.string())}
    arrays |= {
        name: pa.array(matrix[chosen, position], from_pandas=True)
        for position, name in enumerate(columns)
    }
    arrays[LABEL] = pa.array(["yes" if ids[row] in left else "no" for row in chosen])
    return pa.table(arrays)


_STATE = [ID, "status", "is_test", "is_employee", "is_iot", HAPPENED, ARRIVED]


def _read(raw: Path, table: str, columns: Sequence[str]) -> pa.Table:
    return ds.dataset(raw / table, format="parquet").to_table(columns=list(columns))


def _in_service(states: pa.Table, cutoff: datetime) -> list[str]:
    known = states.filter(
        pc.and_(pc.less_equal(states[HAPPENED], cutoff), pc.less_equal(states[ARRIVED], cutoff))
    )
    rows = known.sort_by([(ID, "ascending"), (HAPPENED, "ascending"), (ARRIVED, "ascending")])
    options = pc.ScalarAggregateOptions(skip_nulls=False)
    last = rows.group_by(ID, use_threads=False).aggregate(
        [(name, "last", options) for name in _STATE[1:5]]
    )
    marked = [
        pc.fill_null(last[f"{name}_last"], False) for name in ("is_test", "is_employee", "is_iot")
    ]
    chosen = pc.equal(last["status_last"], "active")
    for mark in marked:
        chosen = pc.and_(chosen, pc.invert(mark))
    ids: list[str] = last.filter(chosen)[ID].to_pylist()
    return sorted(ids)


def _last_versions(churn: pa.Table) -> pa.Table:
    # A row that arrived later corrects the one of the same subscription and time.
    rows = churn.sort_by([(ID, "ascending"), (HAPPENED, "ascending"), (ARRIVED, "ascending")])
    return (
        rows.group_by([ID, HAPPENED], use_threads=False)
        .aggregate([("churn", "last")])
        .rename_columns([ID, HAPPENED, "churn"])
    )


def _sampled(matrix: Floats, columns: Sequence[str]) -> NDArray[np.bool_]:
    # History is kept for a sample of customers; the others have no row.
    return ~np.isnan(matrix[:, columns.index("tenure_days")])


def _inactive(matrix: Floats, columns: Sequence[str]) -> NDArray[np.bool_]:
    prepaid = matrix[:, columns.index("billing_type_code")] == 1
    since = np.fmin(
        matrix[:, columns.index("days_since_use")], matrix[:, columns.index("days_since_recharge")]
    )
    return prepaid & ~(since <= _INACTIVE_DAYS)
