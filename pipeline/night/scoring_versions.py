"""Which versions score everybody: of each model the champion, or the shadow where it has none."""

from holdfast.home import Home
from holdfast.sentences import Sentence, sentence
from models.registry import CHAMPION, SHADOW, RegistryEntry, list_versions
from models.targets import TARGETS
from pipeline.found_nothing import find_found_nothing


def find_versions(
    home: Home, model: str | None = None
) -> tuple[list[tuple[RegistryEntry, str]], dict[str, Sentence]]:
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
    skipped : dict of str to Sentence
        Other models, and why there is no version.
    """
    names = list(TARGETS) if model is None else [model]
    if not home.tracking.is_file():
        return [], dict.fromkeys(names, sentence("no_model_trained"))
    by_alias = {
        (entry.name, alias): entry for entry in list_versions(home) for alias in entry.aliases
    }
    registered = {name for name, _ in by_alias}
    versions, skipped = [], {}
    for name in names:
        alias = next((alias for alias in (CHAMPION, SHADOW) if (name, alias) in by_alias), None)
        if alias is not None:
            versions.append((by_alias[name, alias], alias))
        else:
            skipped[name] = _why_none(home, name, name in registered)
    return versions, skipped


def _why_none(home: Home, name: str, is_registered: bool) -> Sentence:
    """Why no version of a model scores; which one was trained last is what a person can act on."""
    found = find_found_nothing(home, name)
    if found is None:
        return sentence("no_champion_or_shadow" if is_registered else "never_trained")
    code = "no_champion_then_nothing" if is_registered else "found_nothing"
    return sentence(code, day=found.at[:10], report=found.report)
