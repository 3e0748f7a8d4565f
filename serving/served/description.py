"""What is served, described for callers."""

from features.fields import CODED, SERVICES, VIEWS
from features.views.declaration import Feature
from models.targets import TARGETS
from serving.contract.models import ModelsAnswer, RowColumn, ServedModelDocument
from serving.served.model import ServedModel
from serving.served.snapshot import ServedModels

_EXAMPLE_TIME = "2026-11-23T00:00:00+00:00"


def describe(served: ServedModels) -> ModelsAnswer:
    """All models of a snapshot, in the order of answers."""
    return {
        "models": [describe_model(model) for model in served.models.values()],
        "problems": dict(served.problems),
    }


def describe_operator_models() -> list[ServedModelDocument]:
    """Models of the operator's own features as a home would serve them; for the docs."""
    return [
        {
            "name": target.name,
            "target": target.about,
            "entity": target.entity,
            "horizons_days": list(target.horizons_days),
            "version": "1",
            "shadow": False,
            "registered_at": _EXAMPLE_TIME,
            "served_since": _EXAMPLE_TIME,
            "id_column": VIEWS[SERVICES[target.service][0]].join_key,
            "columns": [
                _catalogued(feature)
                for view in SERVICES[target.service]
                for feature in VIEWS[view].features
            ],
        }
        for target in TARGETS.values()
    ]


def _catalogued(feature: Feature) -> RowColumn:
    names = CODED.get(feature.name)
    return {
        "name": feature.name,
        "kind": "number" if names is None else "category",
        "about": feature.about,
        "unit": feature.unit if names is None else "",
        "categories": None if names is None else list(names),
        "minimum": None,
        "maximum": None,
    }


def describe_model(model: ServedModel) -> ServedModelDocument:
    """One model."""
    return {
        "name": model.name,
        "target": model.about,
        "entity": model.entity,
        "horizons_days": [days for days in model.version.horizons if days is not None],
        "version": model.number,
        "shadow": model.is_shadow,
        "registered_at": model.entry.made_at.isoformat(),
        "served_since": model.since.isoformat(),
        "id_column": model.reader.id_column,
        "columns": [_column(model, place) for place in range(len(model.version.features))],
    }


def _column(model: ServedModel, place: int) -> RowColumn:
    column, meaning = model.reader.encoding.columns[place], model.meanings[place]
    is_category = column.kind == "category"
    seen = None if is_category else model.reader.ranges.get(column.feature)
    return {
        "name": column.name,
        "kind": column.kind,
        "about": "" if model.is_table else meaning.about,
        "unit": "" if is_category else meaning.unit,
        "categories": list(column.categories) if is_category else None,
        "minimum": None if seen is None else column.decode(seen.minimum),
        "maximum": None if seen is None else column.decode(seen.maximum),
    }
