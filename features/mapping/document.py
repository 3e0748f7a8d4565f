"""The mapping file: TOML, read strictly.

What a key may hold is said here; that it fits the contracts is checked by
`features.mapping.fitting`.
"""

import tomllib
from collections.abc import Mapping as Map
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import ArgumentError

from features.contracts.tables import TABLES
from features.formats.zones import check_zone
from features.mapping.fitting import fit_default, fit_values
from features.mapping.mapping import Mapping, RelationMapping
from features.raw_tables.options import LONGEST_LAG_DAYS
from features.sources.names import suggestions
from holdfast.documents import place_in
from holdfast.errors import InputError

Name = Annotated[str, Field(min_length=1)]
Written = str | bool | int | float


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    source: Name | None = None
    encoding: Name | None = None
    time_zone: Name | None = None
    arrival_lag_days: Annotated[float, Field(ge=0, le=LONGEST_LAG_DAYS)] | None = None


class _Relation(_Said):
    """A section ``[tables.NAME]``."""

    relation: Name | None = None
    sql: Name | None = None
    where: Name | None = None
    columns: dict[str, Name] = {}
    values: dict[str, dict[str, Written]] = {}
    defaults: dict[str, Written | datetime | date] = {}
    watermark: Name | None = None


class _Document(_Said):
    """The whole file."""

    tables: dict[str, Any]


_RULES: Map[str, str] = {
    "missing": "is missing",
    "string_type": "must be a text",
    "dict_type": "must be a table such as { fee = 'MonthlyCharges' }",
    "string_too_short": "must not be empty",
    "float_type": "must be a number",
    "greater_than_equal": f"must lie between 0 and {LONGEST_LAG_DAYS:g}",
    "less_than_equal": f"must lie between 0 and {LONGEST_LAG_DAYS:g}",
}


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Parameters
    ----------
    path : Path
        The file. Paths in it are relative to its folder.

    Raises
    ------
    InputError
        It is no file, no TOML, or says what cannot be. Names the file, where in it, the rule and the
        value; where a name is likely misspelt, the one that is likely meant.
    """
    document = _toml(path)
    said = _checked(_Document, document, path.name)
    _check_zone(said, path.name)
    relations = []
    _refuse_unknown(
        path.name, ("tables",), list(said.tables), list(TABLES), "a table of the data dictionary"
    )
    for table in TABLES:
        sections = said.tables.get(table, [])
        several = isinstance(sections, list)
        for number, section in enumerate(sections if several else [sections], 1):
            keys = ("tables", table, str(number)) if several else ("tables", table)
            relations.append(_relation(path, said, table, section, keys))
    if not relations:
        raise InputError(
            place_in(path.name, "tables"), "must map a table, such as [tables.customers]"
        )
    source = None if said.source is None else _place(path, said.source, ("source",))
    return Mapping(path=path, source=source, relations=tuple(relations))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise InputError("mapping", "must be a readable file", str(path)) from None
    except UnicodeDecodeError:
        raise InputError(path.name, "must be UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        twice = "overwrite a value" in str(error) or "declare" in str(error)
        rule = "must name a key once" if twice else "must be TOML"
        raise InputError(path.name, f"{rule}: {error}") from None


def _relation(
    path: Path, document: _Document, table: str, section: object, keys: tuple[str, ...]
) -> RelationMapping:
    said = _checked(_Relation, section, path.name, *keys)
    place = place_in(path.name, *keys)
    _check_zone(said, path.name, *keys)
    if said.sql is not None:
        for key in ("relation", "where", "watermark"):
            if getattr(said, key) is not None:
                raise InputError(
                    f"{place}.{key}",
                    "must not stand beside sql, which says it itself",
                    getattr(said, key),
                )
    source = said.source or document.source
    if source is None:
        raise InputError(f"{place}.source", "must be given here or at the head of the file")
    contract = TABLES[table]
    for key in ("columns", "values", "defaults"):
        _refuse_unknown(
            path.name,
            (*keys, key),
            list(getattr(said, key)),
            contract.columns,
            f"a column of {table}",
        )
    zone = said.time_zone or document.time_zone
    lag = said.arrival_lag_days
    return RelationMapping(
        table=table,
        field=place,
        source=_place(path, source, (*keys, "source") if said.source else ("source",)),
        encoding=said.encoding or document.encoding,
        relation=None if said.sql else said.relation or table,
        sql=said.sql,
        where=said.where,
        columns=said.columns,
        values={
            column: fit_values(contract, column, values, f"{place}.values.{column}")
            for column, values in said.values.items()
        },
        defaults={
            column: fit_default(contract, column, value, zone, f"{place}.defaults.{column}")
            for column, value in said.defaults.items()
        },
        time_zone=zone,
        arrival_lag_days=document.arrival_lag_days if lag is None else lag,
        watermark=said.watermark,
    )  # fmt: skip


def _check_zone(said: _Said, name: str, *keys: str) -> None:
    if said.time_zone is not None:
        check_zone(place_in(name, *keys, "time_zone"), said.time_zone)


def _place(path: Path, source: str, keys: tuple[str, ...]) -> str:
    """A source with its path made relative to the mapping file's folder."""
    folder = path.expanduser().absolute().parent
    if "://" not in source:
        return str(folder / Path(source).expanduser())
    try:
        url = sa.make_url(source)
    except (ArgumentError, ValueError):
        # Other addresses, such as s3://, are for the place itself to read.
        return source
    is_file = url.get_backend_name() in ("sqlite", "duckdb") and url.database not in (
        None,
        "",
        ":memory:",
    )
    if not is_file or Path(str(url.database)).is_absolute():
        return source
    return url.set(database=str(folder / str(url.database))).render_as_string(hide_password=False)


def _refuse_unknown(
    name: str, keys: tuple[str, ...], names: list[str], known: Any, what: str
) -> None:
    for one in names:
        if one not in known:
            near = suggestions([one], known).get(one)
            meant = f"; is {near} meant?" if near else ""
            raise InputError(place_in(name, *keys), f"must name {what}{meant}", one)


def _checked(kind: Any, document: object, name: str, *keys: str) -> Any:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise _fault(kind, error.errors(include_url=False)[0], name, keys) from None


def _fault(kind: Any, details: ErrorDetails, name: str, keys: tuple[str, ...]) -> InputError:
    path, value = [str(key) for key in details["loc"]], details["input"]
    if details["type"] == "extra_forbidden":
        near = suggestions(path[-1:], list(kind.model_fields)).get(path[-1])
        meant = f"; is {near} meant?" if near else f"; it may have {', '.join(kind.model_fields)}"
        return InputError(place_in(name, *keys, *path[:-1]), f"has no such key{meant}", path[-1])
    if details["type"] in ("model_type", "model_attributes_type"):
        return InputError(
            place_in(name, *keys),
            "must be a table such as [tables.bills], or a list of them",
            value,
        )
    if len(path) > 1 and path[0] in ("values", "defaults"):
        # A union names its members behind the place.
        path = path[: 3 if path[0] == "values" else 2]
        rule = "must be a text, number, yes or no, or time"
        return InputError(place_in(name, *keys, *path), rule, value)
    rule = _RULES.get(details["type"]) or details["msg"].replace("Input should be", "must be")
    missing = details["type"] == "missing"
    return InputError(place_in(name, *keys, *path), rule, None if missing else value)
