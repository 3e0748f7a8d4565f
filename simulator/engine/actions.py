"""Care decided outside the simulation: a table of decisions as arrays by block and week."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contracts.vocabulary import ARMS, CONTACT_CHANNELS
from holdfast.errors import InputError
from simulator.weekly.campaign import Actions
from simulator.world.calendar import SECOND, week_of
from simulator.world.care_actions import ACTIONS
from simulator.world.draws import Array
from simulator.world.population import SLOTS

_OWN_ID = r"K\d+"

ByBlock = dict[int, dict[int, Actions]]


def sort_actions(
    table: pa.Table | pd.DataFrame,
    lines: list[int],
    customers: int,
    per_block: int,
    first: int,
    last: int,
) -> ByBlock:
    """Check decisions and sort them by block and week.

    Parameters
    ----------
    table : pyarrow.Table or pandas.DataFrame
        ``subscription_id`` or ``customer_id`` (text; the former counts where both are given),
        ``action``, ``channel``, ``at`` (with a time zone), ``arm``; optionally ``propensity``, and
        ``contact_id`` and ``campaign_id`` (text): the names that contacts and outcomes have then.
    lines : list of int
        Lines of each block.
    customers, per_block : int
        Customers of the operator, and of a full block.
    first, last : int
        Decisions must lie from one time, in microseconds, to before another.

    Raises
    ------
    InputError
        Names the column, the rule and the first value that breaks it.
    """
    frame = table.to_pandas() if isinstance(table, pa.Table) else table
    frame = frame.reset_index(drop=True)
    missing = [name for name in ("action", "channel", "at", "arm") if name not in frame]
    if missing or not {"subscription_id", "customer_id"} & set(frame.columns):
        raise InputError(
            "actions",
            "must have subscription_id or customer_id, action, channel, at and arm",
            list(frame.columns),
        )
    if len(frame) == 0:
        return {}
    line = _numbers(frame, "subscription_id", "S", 9)
    customer = _numbers(frame, "customer_id", "C", 8)
    block = np.where(line >= 0, line // SLOTS, customer // per_block)
    sizes = np.array(lines)
    valid_block = (block >= 0) & (block < len(lines))
    _refuse(
        frame,
        "customer_id",
        (line < 0) & ((customer < 0) | (customer >= customers)),
        "must be a customer of the simulation",
    )
    unknown = (line >= 0) & (
        ~valid_block | (line % SLOTS >= sizes[np.clip(block, 0, len(lines) - 1)])
    )
    _refuse(frame, "subscription_id", unknown, "must be a subscription of the simulation")
    at = _times(frame, first, last)
    week = week_of(at)
    action, arm = _codes(frame, "action", ACTIONS), _codes(frame, "arm", ARMS)
    channel = _codes(frame, "channel", CONTACT_CHANNELS, blank=True)
    contact_id, campaign_id = _texts(frame, "contact_id"), _texts(frame, "campaign_id")
    named = pd.Series(contact_id[contact_id != ""])
    _refuse(
        frame,
        "contact_id",
        np.isin(contact_id, named[named.duplicated()].to_numpy(dtype=str)),
        "must not be there twice",
    )
    own = pd.Series(contact_id).str.fullmatch(_OWN_ID).to_numpy(dtype=bool)
    _refuse(frame, "contact_id", own, "must not look like the simulation's own, K and digits")
    _refuse(
        frame,
        "campaign_id",
        (campaign_id != "") & (contact_id == ""),
        "must come with a contact_id",
    )
    given = frame["propensity"] if "propensity" in frame else pd.Series(np.nan, index=frame.index)
    propensity = pd.to_numeric(given, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(frame, "propensity", (propensity < 0) | (propensity > 1), "must lie between 0 and 1")
    target = np.where(line >= 0, line, -1 - customer)
    rank = pd.Series(at).groupby([target, week]).rank(method="first").to_numpy(dtype=np.int64)
    _refuse(
        frame,
        "at",
        rank > 15,
        "must not be the sixteenth decision about one subscription in a week",
    )
    order = np.lexsort((np.arange(len(frame)), target, at))
    result: ByBlock = {}
    for number in np.unique(block):
        for when in np.unique(week[block == number]):
            chosen = order[(block[order] == number) & (week[order] == when)]
            result.setdefault(int(number), {})[int(when)] = Actions(
                line=np.where(line[chosen] >= 0, line[chosen] % SLOTS, -1),
                customer=np.where(line[chosen] >= 0, -1, customer[chosen] % per_block),
                whole=line[chosen] < 0,
                action=action[chosen],
                channel=channel[chosen],
                arm=arm[chosen],
                propensity=propensity[chosen],
                at=at[chosen],
                rank=rank[chosen],
                contact_id=contact_id[chosen],
                campaign_id=campaign_id[chosen],
            )
    return result


_PENDING = pa.schema(
    [
        *((name, pa.string()) for name in ("subscription_id", "customer_id", "action", "channel")),
        ("at", pa.timestamp("us", "UTC")),
        ("arm", pa.string()),
        ("propensity", pa.float64()),
        *((name, pa.string()) for name in ("contact_id", "campaign_id")),
    ]
)
"""Columns of decisions that a checkpoint keeps."""


def read_pending(path: Path) -> pa.Table:
    """Decisions of a week that is not over, as `write_pending` kept them; none without the file."""
    return pq.read_table(path) if path.exists() else _PENDING.empty_table()


def write_pending(path: Path, decisions: pa.Table, since: int) -> None:
    """Keep the decisions since a time, in microseconds: those of a week that is not over."""
    at = decisions["at"].cast(pa.int64())
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(decisions.filter(pc.greater_equal(at, since)), path)


def with_pending(pending: pa.Table, table: pa.Table | pd.DataFrame | None) -> pa.Table:
    """Decisions of a week so far, followed by further ones, which `sort_actions` has checked."""
    if table is None:
        return pending
    frame = table.to_pandas() if isinstance(table, pa.Table) else table.reset_index(drop=True)
    columns = {}
    for field in _PENDING:
        if field.name == "at":
            times = pd.to_datetime(frame["at"], utc=True)
            columns["at"] = pa.array(times.astype("datetime64[us, UTC]"), field.type)
        elif field.name in frame:
            columns[field.name] = pa.array(
                frame[field.name].astype(object), field.type, from_pandas=True
            )
        else:
            columns[field.name] = pa.nulls(len(frame), field.type)
    return pa.concat_tables([pending, pa.table(columns, schema=_PENDING)])


def _refuse(frame: pd.DataFrame, column: str, bad: Array, rule: str) -> None:
    if bad.any():
        place = int(np.argmax(bad))
        raise InputError(
            f"actions.{column}", rule, frame[column].iloc[place] if column in frame else None
        )


def _numbers(frame: pd.DataFrame, column: str, letter: str, width: int) -> Array:
    """Numbers in ids; -1 where blank."""
    if column not in frame:
        return np.full(len(frame), -1)
    blank = frame[column].isna().to_numpy()
    texts = frame[column].astype(str)
    formed = texts.str.fullmatch(rf"{letter}\d{{{width}}}").to_numpy(dtype=bool)
    _refuse(frame, column, ~blank & ~formed, f"must be {letter} and {width} digits")
    return np.array(
        [-1 if empty else int(text[1:]) for empty, text in zip(blank, texts, strict=True)],
        dtype=np.int64,
    )


def _texts(frame: pd.DataFrame, column: str) -> Array:
    """Texts of an optional column; empty where blank."""
    if column not in frame:
        return np.full(len(frame), "", dtype=np.str_)
    return frame[column].fillna("").astype(str).to_numpy(dtype=np.str_)


def _times(frame: pd.DataFrame, first: int, last: int) -> Array:
    times: Any = frame["at"]
    if not isinstance(times.dtype, (pd.DatetimeTZDtype, pd.ArrowDtype)):
        times = pd.Series(list(times), dtype="object")
        naive = [getattr(value, "tzinfo", None) is None for value in times]
        _refuse(frame, "at", np.array(naive), "must be a time with a time zone")
    at = (
        pd.to_datetime(times, utc=True).astype("datetime64[us, UTC]").astype(np.int64).to_numpy()
        // SECOND
        * SECOND
    )
    outside = (at < first) | (at >= last)
    _refuse(frame, "at", outside, "must lie in the days to be simulated")
    return at


def _codes(frame: pd.DataFrame, column: str, values: tuple[str, ...], blank: bool = False) -> Array:
    places = frame[column].map({value: place for place, value in enumerate(values)})
    bad = places.isna() & ~(frame[column].isna() if blank else False)
    _refuse(frame, column, bad.to_numpy(dtype=bool), f"must be one of {', '.join(values)}")
    return places.fillna(-1).to_numpy(dtype=np.int64)
