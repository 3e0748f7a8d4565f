"""Which of a home's own features a model version needs, and whether the home still has them."""

from collections.abc import Mapping
from typing import Any

from features.fields import FeatureCatalogue
from features.own.reading import read_catalogue
from features.own.sql_text import sql_digest
from holdfast.errors import ModelError
from holdfast.home import Home

OWN_FEATURES = "own_features.json"
"""Name of the document of a version with the home's own features that it was trained on: by feature
the file that declares it, and the digest of its SQL.
"""


def own_features_document(service: str, catalogue: FeatureCatalogue) -> dict[str, Any]:
    """The document for a version that is trained on a feature service; empty where it has none."""
    return {
        feature: {"file": view.path.name, "sql": sql_digest(view)}
        for view in catalogue.own
        if service in view.services
        for feature in view.columns
    }


def own_features_problem(documents: Mapping[str, Any], catalogue: FeatureCatalogue) -> str | None:
    """Why a version with these documents cannot be used with a home's features; None where it can."""
    needed = documents.get(OWN_FEATURES)
    if not isinstance(needed, Mapping) or not needed:
        return None
    now = {name: sql_digest(view) for view in catalogue.own for name in view.columns}
    gone = sorted({f"{one['file']} ({name})" for name, one in needed.items() if name not in now})
    if gone:
        return (
            "was trained on features of the home's own that are not there any more: put back"
            f" {', '.join(gone)}, or train again"
        )
    changed = sorted({one["file"] for name, one in needed.items() if now[name] != one["sql"]})
    if changed:
        return (
            "was trained on features of the home's own that are computed by another query now: put"
            f" back the SQL of {', '.join(changed)}, or give what changed another name and train again"
        )
    return None


def require_own_features(named: str, documents: Mapping[str, Any], home: Home) -> None:
    """Refuse a version whose home does not have the features that it needs.

    Parameters
    ----------
    named : str
        The version, for messages.
    documents : mapping of str to JSON
        Its documents by file name.
    home : Home
        The home; its files are read only where the version needs any.

    Raises
    ------
    ModelError
        Some are not there, or are computed in another way.
    InputError
        A file of the home's own features is not as it must be.
    """
    if not documents.get(OWN_FEATURES):
        return
    problem = own_features_problem(documents, read_catalogue(home))
    if problem is not None:
        raise ModelError(named, problem)
