"""All models that are served, as one immutable snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from features.packed.environment import PackedEnvironment
from holdfast.errors import ModelError
from serving.served.model import ServedModel
from serving.served.people import People


@dataclass(frozen=True, eq=False)
class ServedModels:
    """What the service answers with at one time.

    Parameters
    ----------
    models : mapping of str to ServedModel
        By name, in the order of answers; at least one.
    people : People
        Whose is what.
    problems : mapping of str to str
        Models whose newest version cannot be loaded, and why, as callers may know it. Where an older
        version of one was served before, it is in `models` still.
    """

    models: Mapping[str, ServedModel]
    people: People = field(default_factory=People)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Models and versions, for a person."""
        return ", ".join(model.title for model in self.models.values())

    @property
    def unavailable(self) -> list[str]:
        """Models of which no version is served."""
        return [name for name in self.problems if name not in self.models]

    def versions(self) -> tuple[int, ...] | None:
        """Versions of all stores that answers are read from; None where a store has none.

        While they stay the same, so do all records.
        """
        environments = self._environments
        if environments is None:
            return None
        return tuple(environment.version for environment in environments)

    @cached_property
    def _environments(self) -> tuple[PackedEnvironment, ...] | None:
        services = [model.online for model in self.models.values()]
        services += [one for one in (self.people.consents, self.people.lines) if one is not None]
        environments = [service.reader.environment for service in services]
        # Owners and the night's records lie in the store of the consents.
        known = [one for one in environments if one is not None]
        return tuple(dict.fromkeys(known)) if len(known) == len(environments) else None

    def check(self) -> None:
        """Ask every model's online store for an entity.

        Raises
        ------
        ModelError
            One does not answer, or does not fit any more.
        """
        for model in self.models.values():
            model.online.reader.read(["nobody"])

    def is_same(self, other: "ServedModels | None") -> bool:
        """Whether another snapshot would give the same answers."""
        return (
            other is not None
            and list(self.models) == list(other.models)
            and all(model is other.models[name] for name, model in self.models.items())
            and self.problems == other.problems
            and self.people.catalogue == other.people.catalogue
            and self.people.own_problem == other.people.own_problem
            and self._environments == other._environments
        )


def newest_table(models: Mapping[str, ServedModel]) -> dict[str, ServedModel]:
    """Models without those of a team's own table that a later one replaced.

    Of two that became champion in the same second, as happens where the home's time stands still,
    it is the one registered last. A home from before models of tables had a name of their own keeps its old one.
    """
    tables = [name for name, model in models.items() if model.is_table]
    kept = max(
        tables, key=lambda name: (models[name].since, models[name].entry.made_at), default=None
    )
    return {name: model for name, model in models.items() if not model.is_table or name == kept}


def require_models(models: Mapping[str, ServedModel], errors: Mapping[str, Exception]) -> None:
    """Refuse to serve nothing.

    Raises
    ------
    ModelError
        No model could be loaded; it is the first one's error.
    """
    if models:
        return
    first = next(iter(errors.values()))
    raise first if isinstance(first, ModelError) else ModelError("models", str(first))
