"""One model as it is served: its version, its features, and how its rows read."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property
from typing import Literal

import numpy as np

from features.encoding.encoding import Column, Encoding, Value
from features.encoding.ranges import RANGES, read_ranges
from features.fields import CODED, SERVICES, YES_OR_NO
from features.online.service import OnlineService
from features.tables.column_reading import ColumnReading
from holdfast.documents import read_document
from holdfast.errors import InputError, ModelError
from models.level.revision import LevelRevision
from models.reasons.explain import Decode
from models.reasons.meaning import MEANINGS, FeatureMeaning
from models.registry import SHADOW, RegistryEntry, VersionAddress, alias_since
from models.score_set import SHADOW as SHADOW_MARK
from models.scorer import Scorer
from models.targets import TARGETS
from models.version import ModelVersion
from serving.contract.rows import RowReader

Entity = Literal["subscription", "customer", "contact"]

_ENTITIES: dict[str, Entity] = {
    "subscription_id": "subscription",
    "customer_id": "customer",
    "interaction_id": "contact",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedModel:
    """Everything that predictions of one model need.

    Parameters
    ----------
    entry : RegistryEntry
        What the registry holds about its version.
    alias : {"champion", "shadow"}
        Why this version answers.
    address : VersionAddress
        Where it was loaded from.
    version : ModelVersion
        The version.
    scorer : Scorer
        Scores with it.
    online : OnlineService
        Gives the features of stored entities, in the model's order.
    reader : RowReader
        Gives a caller's rows as features, in the model's order.
    meanings : tuple of FeatureMeaning
        What its features mean, in order.
    level : LevelRevision or None
        The level of risk that it predicts at; None where it has none.
    """

    entry: RegistryEntry
    alias: str
    address: VersionAddress
    version: ModelVersion
    scorer: Scorer
    online: OnlineService
    reader: RowReader
    meanings: tuple[FeatureMeaning, ...]
    level: LevelRevision | None

    @classmethod
    def fit(
        cls,
        entry: RegistryEntry,
        alias: str,
        address: VersionAddress,
        version: ModelVersion,
        online: OnlineService,
        level: LevelRevision | None,
    ) -> "ServedModel":
        """Combine a version with its feature service, and try it on an empty row.

        Raises
        ------
        ModelError
            They do not match, a document is missing, or the version's scores are not finite.
        """
        named = f"model {entry.name} version {entry.number}"
        _require_features(
            f"feature service {online.name}", online.features, named, version.features
        )
        flags = _own_flags(version)
        reader = _row_reader(version, named, flags)
        _require_features(
            f"encoding.json of {named}", reader.encoding.features, named, version.features
        )
        scorer = Scorer(version, threads=1, level=level)
        empty_row = np.full((1, len(version.features)), np.nan)
        probabilities = [float(scores.probability[0]) for scores in scorer.score_all(empty_row)]
        if not all(0 <= probability <= 1 for probability in probabilities):
            raise ModelError(
                named, "must score an empty row with finite probabilities", probabilities
            )
        model = cls(
            entry=entry,
            alias=alias,
            address=address,
            version=version,
            scorer=scorer,
            online=online,
            reader=reader,
            meanings=_meanings(version, reader.encoding),
            level=level,
        )
        online.reader.read(["nobody"])
        return model

    @property
    def name(self) -> str:
        """The registered model."""
        return self.entry.name

    @property
    def number(self) -> str:
        """The version's number."""
        return self.entry.number

    @property
    def is_shadow(self) -> bool:
        """Whether it answers because there is no champion."""
        return self.alias == SHADOW

    @property
    def marks(self) -> tuple[str, ...]:
        """Marks of all its predictions."""
        return (SHADOW_MARK,) if self.is_shadow else ()

    @property
    def since(self) -> datetime:
        """When it became champion or shadow, UTC."""
        return alias_since(self.entry, self.alias)

    @cached_property
    def is_table(self) -> bool:
        """Whether it was trained on a team's own table, not on the operator's features."""
        return self.version.service not in SERVICES

    @cached_property
    def entity(self) -> Entity:
        """What it predicts for.

        Of a team's own table, the name of its id column says so: subscriptions where it is
        ``subscription_id``, else customers.
        """
        key = self.reader.id_column if self.is_table else self.online.entity
        return _ENTITIES.get(key or "", "customer")

    @property
    def about(self) -> str:
        """The event that a probability is given for."""
        if self.is_table or self.name not in TARGETS:
            return "the target of the table is positive"
        return TARGETS[self.name].about

    @property
    def title(self) -> str:
        """Model and version, for a person."""
        return f"{self.name} version {self.number}{' (shadow)' if self.is_shadow else ''}"

    def column(self, feature: str) -> Column:
        """How a feature reads to a person.

        The store's own encoding may hold categories that came after the model.
        """
        return self._columns[feature]

    def decode(self, feature: str, code: float) -> Value:
        """A feature's value as a person writes it; None where it is missing.

        Raises
        ------
        ModelError
            It is a category that came after the store's encoding was read.
        """
        try:
            return self.column(feature).decode(code)
        except IndexError:
            raise ModelError(
                feature, "holds a category that came after the store's encoding was read"
            ) from None

    @cached_property
    def _columns(self) -> dict[str, Column]:
        columns = (self.online.encoding or self.reader.encoding).columns
        return dict(zip(self.version.features, columns, strict=False))


def decode_operator(feature: str, code: float) -> Value:
    """The value of one of the operator's features as a person writes it; None where it is missing."""
    return _operator_column(feature).decode(code)


@cache
def _operator_column(feature: str) -> Column:
    return _with_names(Column(name=feature, feature=feature, kind="number", why="", categories=()))


def decode_operator_with(meanings: Iterable[FeatureMeaning]) -> Decode:
    """`decode_operator` for features of a version, which may be of the home's own."""
    flags = {one.name for one in meanings if one.words is not None and one.unit == "yes or no"}

    def decode(feature: str, code: float) -> Value:
        return (
            YES_OR_NO[int(code)]
            if feature in flags and code in (0, 1)
            else decode_operator(feature, code)
        )

    return decode


def _own_flags(version: ModelVersion) -> frozenset[str]:
    """Features of the home's own that are yes or no."""
    stored = version.documents.get(MEANINGS)
    return frozenset(
        one["name"]
        for one in (stored if isinstance(stored, list) else ())
        if one.get("words") and one.get("unit") == "yes or no"
    )


def _row_reader(version: ModelVersion, named: str, flags: Collection[str]) -> RowReader:
    documents = version.documents
    try:
        columns = documents["columns.json"]
        encoding = Encoding.from_json(documents["encoding.json"])
        read = encoding
        if version.service in SERVICES:
            read = Encoding(tuple(_with_names(column, flags) for column in encoding.columns))
        named_codes = frozenset(
            column.name
            for column, stored in zip(read.columns, encoding.columns, strict=True)
            if column.kind != stored.kind
        )
        return RowReader(
            read,
            columns["columns"],
            columns["id"],
            # Versions from before tables had a plan have none.
            [ColumnReading.from_json(reading) for reading in columns.get("readings", ())],
            read_ranges(documents.get(RANGES)),
            named_codes,
        )
    except (KeyError, TypeError, InputError) as error:
        raise ModelError(
            named, f"must hold encoding.json and columns.json as training writes them: {error!r}"
        ) from None


def _with_names(column: Column, flags: Collection[str] = ()) -> Column:
    """A column of the operator's features, with the names behind its codes."""
    names = YES_OR_NO if column.name in flags else CODED.get(column.name)
    return column if names is None else replace(column, kind="category", categories=names)


def _meanings(version: ModelVersion, encoding: Encoding) -> tuple[FeatureMeaning, ...]:
    stored = version.documents.get(MEANINGS)
    if stored is not None:
        return read_document(tuple[FeatureMeaning, ...], stored, MEANINGS)
    return tuple(
        FeatureMeaning.of_column(column.feature, about=column.name) for column in encoding.columns
    )


def _require_features(
    name: str, features: tuple[str, ...], named: str, wanted: tuple[str, ...]
) -> None:
    if features == wanted:
        return
    rule = f"must have the features of {named}, in its order"
    if set(features) == set(wanted):
        raise ModelError(name, rule)
    raise ModelError(
        name,
        f"{rule}; only one of the two has {', '.join(sorted(set(features) ^ set(wanted))[:5])}",
    )
