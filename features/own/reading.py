"""Reads the features that a home declares for itself: ``HOME/features/own/NAME.toml`` and ``NAME.sql``.

Both are data. Nothing of a home is executed but the SQL, and that only after `features.own.sandbox`
has looked at it.
"""

import re
import tomllib
from pathlib import Path

from pydantic import ValidationError

from features.fields import LINKS, SERVICES, VIEWS, FeatureCatalogue
from features.own.declared import DeclaredFeature, DeclaredView
from features.own.fault import Fault
from features.views.declaration import ENTITIES, OWN_PREFIX, OwnFeature, OwnView
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.toml_lines import line_of

OWN_DIRECTORY = "own"
"""Where they lie in the features directory of a home."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_RESERVED = "_y"  # Feast's DuckDB store drops columns that end so
_MODELS = ("churn_v1", "dissatisfaction_v1")


def own_directory(home: Home) -> Path:
    """Where a home's own features lie."""
    return home.features / OWN_DIRECTORY


def read_catalogue(home: Home) -> FeatureCatalogue:
    """All features of a home: ours, and its own.

    Raises
    ------
    InputError
        A file is not as it must be; it names the file, the line, the rule and the value.
    """
    return catalogue_in(own_directory(home))


def catalogue_in(directory: Path) -> FeatureCatalogue:
    """All features where a home's own lie in a directory; errors as in `read_catalogue`."""
    views, faults = inspect_directory(directory)
    if faults:
        raise faults[0].error()
    return FeatureCatalogue(views)


def inspect_directory(directory: Path) -> tuple[tuple[OwnView, ...], list[Fault]]:
    """The views that can be read, by name, and all that is wrong with their files."""
    views: dict[str, OwnView] = {}
    faults: list[Fault] = []
    owners: dict[str, str] = {}
    for path in sorted(directory.glob("*.toml")):
        view, wrong = inspect_view(path)
        faults += wrong
        if view is None:
            continue
        for feature in view.features:
            other = owners.setdefault(feature.name, path.name)
            if other != path.name:
                line = line_of(path.read_text(encoding="utf-8"), ("features", feature.name))
                faults.append(
                    Fault(path, line, f"must not be declared in {other} too", feature.name)
                )
        views[view.name] = view
    for path in sorted(directory.glob("*.sql")):
        if not path.with_suffix(".toml").exists():
            faults.append(
                Fault(path, 0, f"must have its declarations beside it, in {path.stem}.toml")
            )
    return tuple(views.values()), faults


def inspect_view(path: Path) -> tuple[OwnView | None, list[Fault]]:
    """The view that a TOML file declares, and all that is wrong with it; None where anything is."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        return None, [Fault(path, int(line[1]) if line else 0, f"must be TOML in UTF-8: {error}")]
    if not _NAME.fullmatch(path.stem):
        rule = "must be named by small letters, digits and underscores, a letter first"
        return None, [Fault(path, 0, rule, path.stem)]
    sql = path.with_suffix(".sql")
    if not sql.is_file():
        return None, [Fault(path, 0, f"must have its SQL beside it, in {sql.name}")]
    try:
        declared = DeclaredView.model_validate(document)
    except ValidationError as error:
        return None, [
            Fault(
                path,
                line_of(text, [str(part) for part in one["loc"]]),
                f"{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}",
                None if one["type"] == "missing" else str(one["input"]),
            )
            for one in error.errors(include_url=False)
        ]
    faults = [
        Fault(path, line_of(text, keys), f"{'.'.join(keys)}: {rule}", value)
        for keys, rule, value in _wrong(declared)
    ]
    if faults:
        return None, faults
    entity = declared.entity
    services = declared.services
    return (
        OwnView(
            name=f"{OWN_PREFIX}{path.stem}",
            entity=entity,
            features=tuple(
                _feature(name, one, declared.tables) for name, one in declared.features.items()
            ),
            sql=sql.read_text(encoding="utf-8"),
            services=services_of(entity) if services is None else services,
            words=declared.words,
            path=path,
        ),
        [],
    )


def services_of(entity: str) -> tuple[str, ...]:
    """Feature services of models that can read features of an entity."""
    return tuple(
        name
        for name in _MODELS
        if entity == (own := VIEWS[SERVICES[name][0]].entity) or entity in LINKS.get(own, ())
    )


def _feature(name: str, declared: DeclaredFeature, tables: tuple[str, ...]) -> OwnFeature:
    return OwnFeature(
        name=name,
        about=declared.about,
        unit=declared.unit,
        driver=declared.driver,
        actionable=declared.actionable,
        churn=declared.churn,
        dissatisfaction=declared.dissatisfaction,
        reason=declared.reason,
        live=False,
        data_class=declared.data_class,
        tables=tables,
        null=declared.null,
        lines=declared.lines,
        minimum=declared.minimum,
        maximum=declared.maximum,
        form=declared.form,
    )


def _wrong(declared: DeclaredView) -> list[tuple[tuple[str, ...], str, str | None]]:
    """Rules that the parts of a file break, with the keys that they stand at."""
    # Imported where a home has features of its own: the contracts' library takes a second.
    from features.contracts.tables import TABLES

    wrong: list[tuple[tuple[str, ...], str, str | None]] = []
    for table in declared.tables:
        if table not in TABLES:
            wrong.append((("tables",), "must be raw tables of the data dictionary", table))
        elif TABLES[table].use != "features":
            rule = f"must be tables that features may read; this one is for {TABLES[table].use}"
            wrong.append((("tables",), rule, table))
    fitting = services_of(declared.entity)
    for service in declared.services or ():
        if service not in fitting:
            rule = f"must be some of {', '.join(fitting)} for a {declared.entity}"
            wrong.append((("services",), rule, service))
    for name, feature in declared.features.items():
        keys = ("features", name)
        if not name.startswith(OWN_PREFIX) or not _NAME.fullmatch(name) or name.endswith(_RESERVED):
            rule = (
                f"must be named {OWN_PREFIX}…, by small letters, digits and underscores, and not end in"
                f" {_RESERVED}"
            )
            wrong.append((keys, rule, name))
        if name in ENTITIES.values():
            wrong.append((keys, "must not be the name of an id", name))
        if feature.data_class == "special":
            rule = "must not be special: no model may read age, disability or free text"
            wrong.append(((*keys, "data_class"), rule, feature.data_class))
        low, high = feature.minimum, feature.maximum
        if low is not None and high is not None and low > high:
            wrong.append(((*keys, "minimum"), f"must not exceed the maximum {high:g}", f"{low:g}"))
    return wrong


def require_own_directory(home: Home) -> Path:
    """Where a home's own features lie; InputError where it has none."""
    directory = own_directory(home)
    if not any(directory.glob("*.toml")):
        raise InputError(
            str(directory), "holds no features; `holdfast features new NAME` writes a first file"
        )
    return directory
