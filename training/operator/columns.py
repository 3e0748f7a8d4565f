"""The meanings of a feature service's columns, and documents with which serving reads its rows."""

from collections.abc import Iterable
from typing import Any, Literal

from features.contracts.vocabulary import BILLING_TYPES
from features.encoding.encoding import Column, Encoding
from features.fields import SERVICES, VIEWS
from features.views.declaration import Feature
from models.reasons.basis import ReasonBasis
from models.reasons.meaning import FeatureMeaning


def service_features(service: str) -> tuple[Feature, ...]:
    """Features of a service of the operator's repository, in the order in which it gives them."""
    return tuple(feature for view in SERVICES[service] for feature in VIEWS[view].features)


def meanings_of(
    service: str, direction: Literal["churn", "dissatisfaction", "none"]
) -> tuple[FeatureMeaning, ...]:
    """Meanings of a service's columns, in order.

    Parameters
    ----------
    service : str
        A feature service of `features.fields`.
    direction : {"churn", "dissatisfaction", "none"}
        Which of a feature's directions holds for the target; with ``none``, none does.
    """
    return tuple(
        FeatureMeaning(
            name=feature.name,
            about=feature.about,
            unit=feature.unit,
            driver=feature.driver,
            actionable=feature.actionable,
            direction="none" if direction == "none" else getattr(feature, direction),
            reason=feature.reason,
        )
        for feature in service_features(service)
    )


def reason_basis_of(
    service: str, typical: dict[str, dict[str, tuple[float, ...]]] | None = None
) -> ReasonBasis:
    """What reasons from a service's features are told against.

    Parameters
    ----------
    service : str
        A feature service of `features.fields`.
    typical : dict of str to dict of str to tuple of float, optional
        Typical contributions by horizon and stratum.
    """
    features = service_features(service)
    return ReasonBasis(
        strata={
            feature.name: feature.lines
            for feature in features
            if len(feature.lines) < len(BILLING_TYPES)
        },
        null_facts=null_has_meaning(feature.name for feature in features),
        typical=typical or {},
    )


def null_has_meaning(features: Iterable[str]) -> tuple[str, ...]:
    """Those of some features of the catalogue whose missing value is a fact, in their order."""
    facts = {
        feature.name
        for view in VIEWS.values()
        for feature in view.features
        if feature.null_has_meaning
    }
    return tuple(name for name in features if name in facts)


def service_documents(service: str) -> dict[str, Any]:
    """Documents with which serving reads rows of a service's features: every column is a number."""
    features = service_features(service)
    columns = tuple(
        Column(
            name=feature.name,
            feature=feature.name,
            kind="number",
            why="a feature of the operator's repository",
            categories=(),
        )
        for feature in features
    )
    return {
        "encoding.json": Encoding(columns).to_json(),
        "columns.json": {
            "id": VIEWS[SERVICES[service][0]].join_key,
            "columns": [feature.name for feature in features],
        },
    }
