"""Opening a Feast repository."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feast import FeatureStore


def open_feast(repository: Path) -> "FeatureStore":
    """Open a Feast repository, quietly.

    Parameters
    ----------
    repository : Path
        Directory of its ``feature_store.yaml``.
    """
    logging.getLogger("feast").setLevel(logging.WARNING)
    warnings.filterwarnings(
        "ignore", "fetch_arrow_table", DeprecationWarning
    )  # between ibis and DuckDB
    import_feast()
    from feast import FeatureStore

    return FeatureStore(repo_path=str(repository))


def import_feast() -> None:
    """Import Feast, without the checks of its own arguments where nobody has imported it yet."""
    with _without_type_checks():
        import feast  # noqa: F401 - what is imported later finds it as it is now


@contextmanager
def _without_type_checks() -> Iterator[None]:
    """Let Feast be imported without the type checks that its classes add to their own methods.

    typeguard rewrites and compiles the source of each of these classes while Feast is imported,
    which takes two thirds of the import's time. Python started with ``-O`` has no such checks
    either.
    """
    import typeguard

    checked = typeguard.typechecked

    def unchecked(target: Any = None, **options: Any) -> Any:
        return unchecked if target is None else target

    typeguard.typechecked = unchecked
    try:
        yield
    finally:
        typeguard.typechecked = checked
