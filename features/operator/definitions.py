"""All Feast objects of the operator's repository, in one file.

What each feature means stands in `features.fields`; here it becomes Feast's fields and tags. Views
whose features are live have a push source of the same name, so that events can also be written with
Feast's own `push`.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Float64, String

from features.fields import BUILT_IN, LINKS, FeatureCatalogue
from features.online.feast_layout import ENTITY_TAG
from features.views.declaration import ENTITIES, Feature, View

TIME, CREATED = "event_timestamp", "created_timestamp"
SNAPSHOT_TTL = timedelta(days=8)
"""Snapshots are weekly: what is older than a week and a day is not known any more."""


@dataclass(frozen=True)
class Definitions:
    """The Feast objects over the feature tables below one directory.

    Parameters
    ----------
    tables : Path
        Directory of the feature tables, one folder for each view.
    catalogue : FeatureCatalogue
        What the home's features are.
    """

    tables: Path
    catalogue: FeatureCatalogue = BUILT_IN

    @cached_property
    def entities(self) -> dict[str, Entity]:
        """Entities by name."""
        return {
            name: Entity(name=name, join_keys=[join_key], value_type=ValueType.STRING)
            for name, join_key in ENTITIES.items()
        }

    @cached_property
    def views(self) -> dict[str, FeatureView]:
        """Feature views by name, links among them."""
        numbers = {view.name: self._view(view) for view in self.catalogue.views.values()}
        return numbers | {f"{entity}_links": self._links(entity) for entity in LINKS}

    @cached_property
    def services(self) -> list[FeatureService]:
        """Feature services."""
        return [
            FeatureService(
                name=name,
                features=[self.views[view] for view in views],
                tags={ENTITY_TAG: self.catalogue.join_key(name)},
            )
            for name, views in self.catalogue.services.items()
        ]

    @property
    def objects(self) -> list[Entity | FeatureView | FeatureService]:
        """Everything, in the order in which Feast applies it."""
        return [*self.entities.values(), *self.views.values(), *self.services]

    def _view(self, view: View) -> FeatureView:
        source: FileSource | PushSource = self._source(view.name)
        if all(feature.live for feature in view.features):
            source = PushSource(name=f"{view.name}_events", batch_source=source)
        return FeatureView(
            name=view.name,
            entities=[self.entities[view.entity]],
            ttl=timedelta(0) if view.entity == "contact" else SNAPSHOT_TTL,
            schema=[_field(feature) for feature in view.features],
            source=source,
        )

    def _links(self, entity: str) -> FeatureView:
        name = f"{entity}_links"
        return FeatureView(
            name=name,
            entities=[self.entities[entity]],
            ttl=SNAPSHOT_TTL,
            schema=[
                Field(name=f"linked_{other}", dtype=String, description=f"Its {other}'s id")
                for other in LINKS[entity]
            ],
            source=self._source(name),
        )

    def _source(self, name: str) -> FileSource:
        # Absolute, because the DuckDB store resolves a relative path against the working directory;
        # each run applies it anew.
        pattern = self.tables.absolute() / name / "**" / "*.parquet"
        return FileSource(
            name=name, path=str(pattern), timestamp_field=TIME, created_timestamp_column=CREATED
        )


def _field(feature: Feature) -> Field:
    return Field(name=feature.name, dtype=Float64, description=feature.about, tags=feature.tags)
