"""The operator's Feast repository: plan, apply, and read features as known at a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property, reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.compute.zone import kept_zone, require_zone
from features.fields import LINKS, FeatureCatalogue
from features.online.feast_store import open_feast
from features.online.settings import OnlineSettings, configured_store, online_store_section
from features.own.reading import OWN_DIRECTORY, catalogue_in
from features.settings import OperatorSettings
from holdfast.arrays import Floats, Times
from holdfast.errors import InputError
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.logging import progress
from holdfast.zone import day_of, day_start

if TYPE_CHECKING:
    from feast import FeatureService, FeatureStore

TIME = "event_timestamp"

_CONFIGURATION = """\
project: {project}
provider: local
registry:
  registry_type: sql
  path: "sqlite:///{registry}"
offline_store:
  type: duckdb
{online_store}entity_key_serialization_version: 3
"""

_DEFINITIONS = '''\
"""The operator's Feast objects, for Feast's own command line.

Written by `holdfast features apply`.
"""

from pathlib import Path

from features.operator.definitions import Definitions
from features.own.reading import OWN_DIRECTORY, catalogue_in

_here = Path(__file__).parent
_definitions = Definitions(_here / "tables", catalogue_in(_here.parent / OWN_DIRECTORY))
for _number, _object in enumerate(_definitions.objects):
    globals()[f"object_{_number}"] = _object
'''


_WRITTEN = re.compile(r"(created|last_updated)_timestamp \{[^}]*\}")


@dataclass(frozen=True)
class Change:
    """What applying the definitions would do to one object of the registry.

    Parameters
    ----------
    action : {"create", "update", "delete"}
        What would happen.
    kind, name : str
        The object.
    details : tuple of str
        Properties that would change.
    """

    action: Literal["create", "update", "delete"]
    kind: str
    name: str
    details: tuple[str, ...]


class OperatorRepository:
    """The Feast repository of the operator's features, below a home directory.

    Parameters
    ----------
    home : Home
        The home directory.
    online : OnlineSettings, optional
        Where the newest features go from now on. Default: where they went so far, packed files in
        a new repository.
    """

    def __init__(self, home: Home, online: OnlineSettings | None = None) -> None:
        self._online = online
        self.directory = home.features / "operator"
        self.tables = self.directory / "tables"
        self._own = home.features / OWN_DIRECTORY

    @cached_property
    def catalogue(self) -> FeatureCatalogue:
        """What the home's features are: ours, and its own; InputError where a file of them is wrong."""
        return catalogue_in(self._own)

    @property
    def zone(self) -> tzinfo:
        """The operator's time zone, in whose days and weeks features were built.

        Raises
        ------
        HomeError
            Its note is damaged.
        """
        return kept_zone(self.directory) or UTC

    def zone_for(self, settings: OperatorSettings) -> tzinfo:
        """The zone that a build counts days and weeks in: the home's own, or that of the settings.

        Raises
        ------
        InputError
            There is no such zone, or the home was built in another one.
        HomeError
            The home's note is damaged.
        """
        zone = settings.zone
        if zone is None:
            return self.zone
        require_zone(self.directory, zone)
        return zone

    def require_tables(self) -> None:
        """Refuse a home in which no features were built; InputError."""
        if not any(self.tables.glob("*/newest.parquet")):
            raise InputError(
                str(self.tables), "holds no features yet; run `holdfast features build` first"
            )

    def plan(self) -> list[Change]:
        """What `apply` would change in the registry; nothing is changed or created."""
        if (self.directory / "feature_store.yaml").exists():
            return _changes(self._plan()[0])
        with TemporaryDirectory() as elsewhere:
            return _changes(OperatorRepository(Home(Path(elsewhere)), self._online)._plan()[0])

    def apply(self) -> list[Change]:
        """Make the registry hold the objects of `features.operator.definitions`, and nothing else.

        Returns
        -------
        list of Change
            What was changed.
        """
        with progress("Comparing the feature registry with the definitions (Feast)"):
            diff, gone, objects = self._plan()
            changes = _changes(diff)
            if changes:
                store = open_feast(self.directory)
                # Feast would read the whole registry again after each object that it writes, for
                # those who ask this store later; it is not kept.
                store.registry.refresh = lambda project=None: None
                store.apply(objects, objects_to_delete=gone, partial=False)
        return changes

    def historical(self, service: str, ids: Sequence[str], times: Times) -> Floats:
        """Features as known at given times, through Feast's point-in-time join.

        Parameters
        ----------
        service : str
            Feature service.
        ids : sequence of str
            The n entities of the service.
        times : (n,) datetime64[us]
            When to look, UTC.

        Returns
        -------
        (n, k) float64
            In the rows' order and the service's columns; NaN where nothing was known, or only what
            had expired.

        Raises
        ------
        InputError
            There is no such service, an id or a time is missing, or there is not one time for each
            id.
        """
        services = self.catalogue.services
        if service not in services:
            raise InputError("service", f"must be one of {', '.join(services)}", service)
        if len(ids) != len(times):
            raise InputError("times", f"must be as many as there are ids, {len(ids)}", len(times))
        if any(not isinstance(id_, str) for id_ in ids):
            raise InputError("ids", "must all be texts")
        if np.isnat(times).any():
            raise InputError("times", "must all be set")
        views = [self.catalogue.views[name] for name in services[service]]
        entity = views[0].entity
        store = self.feast()
        with progress("Reading features as known then (Feast)"):
            rows = _entity_rows(views[0].join_key, ids, times)
            linked = sorted({view.entity for view in views} - {entity})
            if linked:
                rows = _with_links(store, rows, entity, linked)
            known = _known_then(store, rows, store.get_feature_service(service))
        return np.column_stack([_floats(known[name]) for view in views for name in view.columns])

    def mondays_of(self, service: str) -> Times:
        """Mondays that history of all views of a feature service is kept of, oldest first.

        Returns
        -------
        (m,) datetime64[us]
            UTC. A view that came later may not reach as far back as the others, where raw rows are
            not kept any more.
        """
        first, *others = map(self.history_mondays, self.catalogue.services[service])
        return reduce(np.intersect1d, others, first)

    def history_mondays(self, view: str) -> Times:
        """Mondays that history of a view is kept of, oldest first.

        Parameters
        ----------
        view : str
            A feature view.

        Returns
        -------
        (m,) datetime64[us]
            UTC; none where nothing was built.
        """
        days = sorted(path.stem for path in (self.tables / view / "history").glob("*.parquet"))
        zone = self.zone
        mondays = [day_start(date.fromisoformat(day), zone).replace(tzinfo=None) for day in days]
        return np.array(mondays, dtype="datetime64[us]")

    def ids_at(self, view: str, monday: datetime) -> pa.ChunkedArray:
        """Entities in the history of a view at a Monday, in order: texts.

        History is kept of a sample of customers.

        Raises
        ------
        InputError
            History is not kept of that Monday.
        """
        path = self.tables / view / "history" / f"{day_of(monday, self.zone)}.parquet"
        if not path.exists():
            raise InputError(
                "monday", f"must be one that history of {view} is kept of", monday.isoformat()
            )
        key = self.catalogue.views[view].join_key
        return pq.read_table(path, columns=[key], partitioning=None)[key].cast(pa.string())

    def feast(self) -> "FeatureStore":
        """Feast's own store over this repository.

        It is registered anew where the home was moved or never applied.
        """
        path = self.directory / "feature_store.yaml"
        if not path.exists() or self._configuration(path) != path.read_text(encoding="utf-8"):
            self.apply()
        return open_feast(self.directory)

    @staticmethod
    def record_materialization(
        store: "FeatureStore", view: str, start: datetime, end: datetime
    ) -> None:
        """Tell Feast's registry that a view's values of an interval are in the online store."""
        registered = store.get_feature_view(view)
        store.registry.apply_materialization(
            registered, store.project, start, max(end, start + timedelta(microseconds=1))
        )

    def _plan(self) -> tuple[Any, list[Any], list[Any]]:
        store = self._configure()
        from feast import Project
        from feast.diff.property_diff import TransitionType
        from feast.repo_contents import RepoContents

        from features.operator.definitions import Definitions

        definitions = Definitions(self.tables, self.catalogue)
        views = list(definitions.views.values())
        sources = {
            source.name: source
            for view in views
            for source in (view.batch_source, view.stream_source)
            if source
        }
        contents = RepoContents(
            projects=[Project(name=store.project)],
            data_sources=list(sources.values()),
            feature_views=views,
            on_demand_feature_views=[],
            stream_feature_views=[],
            label_views=[],
            entities=list(definitions.entities.values()),
            feature_services=definitions.services,
            permissions=[],
        )
        diff, _, _ = store.plan(contents)
        gone = [
            change.current_feast_object
            for change in diff.feast_object_diffs
            if change.transition_type == TransitionType.DELETE
        ]
        return diff, gone, definitions.objects

    def _configure(self) -> "FeatureStore":
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "feature_store.yaml"
        write_beside(path, self._configuration(path))
        write_beside(self.directory / "definitions.py", _DEFINITIONS)
        return open_feast(self.directory)

    def _configuration(self, path: Path) -> str:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        project = re.search(r"^project: (\w+)$", before, re.MULTILINE)
        return _CONFIGURATION.format(
            # Homes may share a Redis server: there a project's name is part of every key, so each
            # home has its own, for good.
            project=project[1] if project else f"holdfast_{uuid4().hex[:12]}",
            registry=self.directory.absolute() / "registry.db",
            online_store=online_store_section(self._online or configured_store(before)),
        )


def _changes(diff: Any) -> list[Change]:
    from feast.diff.property_diff import TransitionType

    actions: dict[Any, Literal["create", "update", "delete"]] = {
        TransitionType.CREATE: "create",
        TransitionType.UPDATE: "update",
        TransitionType.DELETE: "delete",
    }
    changes: list[Change] = []
    for difference in diff.feast_object_diffs:
        properties = [
            part.property_name for part in difference.feast_object_property_diffs if _differs(part)
        ]
        if difference.transition_type not in actions or difference.name == "__dummy":
            continue
        if difference.transition_type == TransitionType.UPDATE and not properties:
            continue
        changes.append(
            Change(
                actions[difference.transition_type],
                str(difference.feast_object_type.value),
                difference.name,
                tuple(properties),
            )
        )
    return sorted(changes, key=lambda change: (change.kind, change.name))


def _differs(part: Any) -> bool:
    """Whether a property differs in more than the times at which the registry wrote it.

    Feast counts those as a change.
    """
    before, after = (
        _WRITTEN.sub("", str(value)) for value in (part.val_existing, part.val_declared)
    )
    return before != after


def _entity_rows(join_key: str, ids: Sequence[str], times: Times) -> pa.Table:
    in_utc = pa.array(times, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "row": pa.array(range(len(ids)), pa.int64()),
            join_key: pa.array(list(ids), pa.string()),
            TIME: in_utc,
        }
    )


def _with_links(
    store: "FeatureStore", rows: pa.Table, entity: str, linked: Sequence[str]
) -> pa.Table:
    columns = [f"linked_{other}" for other in LINKS[entity] if other in linked]
    features = [f"{entity}_links:{column}" for column in columns]
    known = _known_then(store, rows, features)
    for column in columns:
        # Feast takes no missing ids; nobody is called the empty text.
        rows = rows.append_column(
            f"{column.removeprefix('linked_')}_id",
            pc.fill_null(known[column].cast(pa.string()), ""),
        )
    return rows


def _known_then(
    store: "FeatureStore", rows: pa.Table, features: "FeatureService | list[str]"
) -> pa.Table:
    # By default Feast also gives what was written later about the time before.
    job = store.get_historical_features(
        rows.to_pandas(), features, filter_by_created_timestamp=True
    )
    return job.to_arrow().sort_by("row")


def _floats(values: pa.ChunkedArray) -> Floats:
    return np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
