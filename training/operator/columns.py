"""The meanings of a feature service's columns, and documents with which serving reads its rows."""

from collections.abc import Iterable
from typing import Any, Literal

from features.contracts.vocabulary import BILLING_TYPES
from features.encoding.encoding import Column, Encoding
from features.fields import BUILT_IN, FeatureCatalogue
from features.own.needed import OWN_FEATURES, own_features_document
from models.reasons.basis import ReasonBasis
from models.reasons.meaning import FeatureMeaning
from models.words.own import words_of


def meanings_of(
    service: str,
    direction: Literal["churn", "dissatisfaction", "none"],
    catalogue: FeatureCatalogue = BUILT_IN,
) -> tuple[FeatureMeaning, ...]:
    """Meanings of a service's columns, in order.

    Parameters
    ----------
    service : str
        A feature service of `features.fields`.
    direction : {"churn", "dissatisfaction", "none"}
        Which of a feature's directions holds for the target; with ``none``, none does.
    catalogue : FeatureCatalogue
        What the home's features are.
    """
    own = words_of(catalogue.own)
    return tuple(
        FeatureMeaning(
            name=feature.name,
            about=feature.about,
            unit=feature.unit,
            driver=feature.driver,
            actionable=feature.actionable,
            direction="none" if direction == "none" else getattr(feature, direction),
            reason=feature.reason,
            words=own.get(feature.name),
        )
        for feature in catalogue.features(service)
    )


def reason_basis_of(
    service: str,
    typical: dict[str, dict[str, tuple[float, ...]]] | None = None,
    catalogue: FeatureCatalogue = BUILT_IN,
) -> ReasonBasis:
    """What reasons from a service's features are told against.

    Parameters
    ----------
    service : str
        A feature service of `features.fields`.
    typical : dict of str to dict of str to tuple of float, optional
        Typical contributions by horizon and stratum.
    catalogue : FeatureCatalogue
        What the home's features are.
    """
    features = catalogue.features(service)
    return ReasonBasis(
        strata={
            feature.name: feature.lines
            for feature in features
            if len(feature.lines) < len(BILLING_TYPES)
        },
        null_facts=null_has_meaning((feature.name for feature in features), catalogue),
        typical=typical or {},
    )


def null_has_meaning(
    features: Iterable[str], catalogue: FeatureCatalogue = BUILT_IN
) -> tuple[str, ...]:
    """Those of some features of the catalogue whose missing value is a fact, in their order."""
    facts = {
        feature.name
        for view in catalogue.views.values()
        for feature in view.features
        if feature.null_has_meaning
    }
    return tuple(name for name in features if name in facts)


def service_documents(service: str, catalogue: FeatureCatalogue = BUILT_IN) -> dict[str, Any]:
    """Documents with which serving reads rows of a service's features: every column is a number."""
    features = catalogue.features(service)
    own = own_features_document(service, catalogue)
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
            "id": catalogue.join_key(service),
            "columns": [feature.name for feature in features],
        },
        **({OWN_FEATURES: own} if own else {}),
    }
