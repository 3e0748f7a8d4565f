"""Which versions score everybody: of each model the champion, or the shadow where it has none."""

from holdfast.home import Home
from models.registry import CHAMPION, SHADOW, RegistryEntry, list_versions
from models.targets import TARGETS


def find_versions(
    home: Home, model: str | None = None
) -> tuple[list[tuple[RegistryEntry, str]], dict[str, str]]:
    """The versions to score with, and their aliases.

    Parameters
    ----------
    home : Home
        Holds the registry; it may have none yet.
    model : str, optional
        The only model to look for.

    Returns
    -------
    versions : list of (RegistryEntry, str)
        In the order of `TARGETS`.
    skipped : dict of str to str
        Other models, and why there is no version.
    """
    names = list(TARGETS) if model is None else [model]
    if not home.tracking.is_file():
        return [], dict.fromkeys(names, "no model was trained yet")
    by_alias = {
        (entry.name, alias): entry for entry in list_versions(home) for alias in entry.aliases
    }
    trained = {name for name, _ in by_alias}
    versions, skipped = [], {}
    for name in names:
        alias = next((alias for alias in (CHAMPION, SHADOW) if (name, alias) in by_alias), None)
        if alias is not None:
            versions.append((by_alias[name, alias], alias))
        elif name in trained:
            skipped[name] = "has neither champion nor shadow"
        else:
            skipped[name] = "was never trained"
    return versions, skipped
