"""Feast's historical retrieval against a slow and obvious oracle, on frames that are as awkward as
they may be.

What is known of an id at a moment is the row with the latest event time up to that moment that has
not expired and had been created by then; among several of that event time the one created last.
Nothing else, and nothing for an id never heard of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from features.fields import LINKS, SERVICES, VIEWS
from features.operator.definitions import CREATED, SNAPSHOT_TTL, TIME
from features.operator.repository import OperatorRepository
from features.views.declaration import ENTITIES
from holdfast.home import Home

START = datetime(2026, 3, 2, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# Ids that run into one another when they are written side by side.
KNOWN_IDS = ("1", "11", "111", "0001", "1_1")
UNKNOWN_IDS = ("", "nobody")
ASKED_AT = tuple(
    START + span
    for span in (timedelta(0), MICROSECOND, timedelta(days=1), SNAPSHOT_TTL, timedelta(days=20))
)
BEFORE = (
    *(-timedelta(days=1), -MICROSECOND, timedelta(0), MICROSECOND, timedelta(days=1)),
    *(SNAPSHOT_TTL - MICROSECOND, SNAPSHOT_TTL, SNAPSHOT_TTL + MICROSECOND, timedelta(days=12)),
)
"""How long before a moment that is asked about a row's event lies: after it, exactly on it, at the
edge of expiry, gone.
"""
LATE = (timedelta(0), timedelta(0), MICROSECOND, timedelta(days=1), timedelta(days=8))
VALUE_VIEWS = ("value", "subscription_live", "billing_live", "cell_live")
"""Of three entities; the second has a push source."""
PARTS = count()
LINK_VIEWS = tuple(f"{entity}_links" for entity in LINKS)


@dataclass(frozen=True)
class Row:
    """A row of a feature table: whose, and of when; what it holds follows from its number."""

    id: str
    time: datetime
    created: datetime


# No shrinking: an example takes up to a second, and its first difference says enough.
PHASES = (Phase.explicit, Phase.generate)

Asked = list[tuple[str, datetime]]
rows = st.builds(
    lambda whose, asked_at, before, late: Row(whose, asked_at - before, asked_at - before + late),
    *map(st.sampled_from, (KNOWN_IDS, ASKED_AT, BEFORE, LATE)),
)
histories = st.lists(rows, max_size=12, unique=True)
moments = st.sampled_from(ASKED_AT)


def expiry(view: str) -> timedelta | None:
    return None if view == "contact" else SNAPSHOT_TTL


def key_of(view: str) -> str:
    return ENTITIES[view.removesuffix("_links")] if view in LINK_VIEWS else VIEWS[view].join_key


def columns_of(view: str) -> tuple[str, ...]:
    return (
        tuple(f"linked_{other}" for other in LINKS[view.removesuffix("_links")])
        if view in LINK_VIEWS
        else VIEWS[view].columns
    )


def value(view: str, number: int, column: int) -> float | str | None:
    """What the row holds; sometimes nothing, which an older row must not fill."""
    if (number + column) % 5 == 4:
        return None
    return (
        KNOWN_IDS[(number + column) % len(KNOWN_IDS)]
        if view in LINK_VIEWS
        else 1000.0 * column + number
    )


def oracle(
    view: str, history: Sequence[Row], whose: str, at: datetime, *, late_rows_count: bool = False
) -> dict[str, float | str | None]:
    """What is known of an id at a moment, by looking at every row."""
    best: tuple[datetime, datetime, int] | None = None
    for number, row in enumerate(history):
        if row.id != whose or row.time > at or (row.created > at and not late_rows_count):
            continue
        ttl = expiry(view)
        if ttl is not None and row.time + ttl < at:
            continue
        if best is None or (row.time, row.created) > best[:2]:
            best = (row.time, row.created, number)
    return {
        name: None if best is None else value(view, best[2], column)
        for column, name in enumerate(columns_of(view))
    }


def write(repository: OperatorRepository, view: str, history: Sequence[Row]) -> None:
    stamp = pa.timestamp("us", "UTC")
    type_ = pa.string() if view in LINK_VIEWS else pa.float64()
    table = {
        key_of(view): pa.array([row.id for row in history], pa.string()),
        TIME: pa.array([row.time for row in history], stamp),
        CREATED: pa.array([row.created for row in history], stamp),
    }
    for column, name in enumerate(columns_of(view)):
        table[name] = pa.array(
            [value(view, number, column) for number in range(len(history))], type_
        )
    folder = repository.tables / view
    folder.mkdir(parents=True, exist_ok=True)
    for former in folder.iterdir():
        former.unlink()
    # Two files, because a view's table is as many files as there were builds; each of a new name,
    # as DuckDB remembers what it has read of a file and may not notice within the same moment that
    # another one took its place.
    whole, half = pa.table(table), len(history) // 2
    for rows_of_part in (whole.slice(half), whole.slice(0, half)):
        pq.write_table(rows_of_part, folder / f"part-{next(PARTS)}.parquet")


def same(value: object, expected: object) -> bool:
    return (pd.isna(value) and expected is None) or value == expected


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> OperatorRepository:
    repository = OperatorRepository(Home(Path(tmp_path_factory.mktemp("home"))))
    for view in (*VIEWS, *LINK_VIEWS):
        write(repository, view, [])
    repository.apply()
    return repository


@pytest.mark.proof
@pytest.mark.parametrize("by_created", [True, False])
def test_feast_joins_several_views_of_several_entities(
    repository: OperatorRepository, proof_draws: Callable[[int], int], by_created: bool
) -> None:
    """The engine itself, with what was created later left out or not."""
    feast = repository.feast()
    keys = sorted({key_of(view) for view in VALUE_VIEWS})
    ids = st.sampled_from(KNOWN_IDS + UNKNOWN_IDS)

    @settings(max_examples=proof_draws(120), phases=PHASES)
    @given(
        st.fixed_dictionaries(dict.fromkeys(VALUE_VIEWS, histories)),
        st.lists(st.tuples(moments, *(ids for _ in keys)), min_size=1, max_size=10),
    )
    def check(tables: Mapping[str, list[Row]], asked: list[tuple[datetime, str, str, str]]) -> None:
        for view, history in tables.items():
            write(repository, view, history)
        # Rows that are asked for twice are answered twice.
        asked = [*asked, asked[0]]
        entity_rows = pd.DataFrame(asked, columns=[TIME, *keys]).assign(row=range(len(asked)))
        features = [f"{view}:{name}" for view in VALUE_VIEWS for name in VIEWS[view].columns]
        job = feast.get_historical_features(
            entity_rows, features, full_feature_names=True, filter_by_created_timestamp=by_created
        )
        joined = job.to_df().set_index("row").sort_index()
        assert list(joined.index) == list(range(len(asked)))
        for number, (at, *names) in enumerate(asked):
            whose = dict(zip(keys, names, strict=True))
            for view, history in tables.items():
                expected = oracle(
                    view, history, whose[key_of(view)], at, late_rows_count=not by_created
                )
                for name, wanted in expected.items():
                    got = joined.loc[number, f"{view}__{name}"]
                    assert same(got, wanted), (
                        f"{view}.{name} of {whose[key_of(view)]!r} at {at}: {got}, not {wanted}"
                    )

    check()


@pytest.mark.proof
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_read_as_known_then(
    repository: OperatorRepository, proof_draws: Callable[[int], int], service: str
) -> None:
    """What training asks for: all views of a service, those of other entities through the links of
    the same moment.
    """
    views = SERVICES[service]
    entity = VIEWS[views[0]].entity
    links = f"{entity}_links"
    tables_of = st.fixed_dictionaries(
        dict.fromkeys((*views, *({links} & set(LINK_VIEWS))), histories)
    )
    names = st.sampled_from(KNOWN_IDS + UNKNOWN_IDS)

    @settings(max_examples=proof_draws(50), phases=PHASES)
    @given(tables_of, st.lists(st.tuples(names, moments), min_size=1, max_size=12))
    def check(tables: Mapping[str, list[Row]], asked: Asked) -> None:
        for view, history in tables.items():
            write(repository, view, history)
        asked = [*asked, asked[0]]
        times = np.array([at.replace(tzinfo=None) for _, at in asked], "datetime64[us]")
        matrix = repository.historical(service, [whose for whose, _ in asked], times)
        for number, (asked_id, at) in enumerate(asked):
            linked = oracle(links, tables[links], asked_id, at) if links in tables else {}
            column = 0
            for view in views:
                whose = (
                    asked_id
                    if VIEWS[view].entity == entity
                    else linked[f"linked_{VIEWS[view].entity}"]
                )
                expected = oracle(view, tables[view], "" if whose is None else str(whose), at)
                for name, wanted in expected.items():
                    got = matrix[number, column]
                    assert same(got, wanted), (
                        f"{view}.{name} of {asked_id!r} at {at}: {got}, not {wanted}"
                    )
                    column += 1

    check()
