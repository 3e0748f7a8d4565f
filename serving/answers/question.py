"""What a request asks: which models, within which horizons, about whom."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from holdfast.errors import HoldfastError, InputError
from serving.contract.predictions import PredictionsRequest
from serving.served.model import Entity, ServedModel
from serving.served.snapshot import ServedModels

ID_LISTS: dict[Entity, str] = {
    "customer": "customer_ids",
    "subscription": "subscription_ids",
}


class UnavailableModelError(HoldfastError):
    """A model that is asked for by name cannot be loaded at present."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Model {name} cannot be loaded at present; the server's log says why.")


@dataclass(frozen=True)
class Question:
    """A request, and what its answers are kept by.

    Parameters
    ----------
    request : PredictionsRequest
        As `contract.check_request` gives it.
    entities : tuple of (Entity, str)
        Customers, then subscriptions, as they are asked about; none in a request with rows.
    items : int
        How many customers, subscriptions or rows it is about.
    about : tuple
        What is asked about each of them.
    """

    request: PredictionsRequest
    entities: tuple[tuple[Entity, str], ...]
    items: int
    about: tuple[Hashable, ...]

    @classmethod
    def of(cls, request: PredictionsRequest) -> "Question":
        """The question of a checked request."""
        customers, subscriptions = request.get("customer_ids"), request.get("subscription_ids")
        entities: list[tuple[Entity, str]] = [("customer", one) for one in customers or ()]
        entities += [("subscription", one) for one in subscriptions or ()]
        models, horizons = request.get("models"), request.get("horizons_days")
        # Each once: what is named again changes no answer, and would be kept with each of them.
        # Which models speak depends on the kinds of ids that are asked for, too.
        about = (
            customers is not None,
            subscriptions is not None,
            None if models is None else tuple(dict.fromkeys(models)),
            None if horizons is None else tuple(sorted(set(horizons))),
            request["reasons"],
        )
        return cls(request, tuple(entities), len(entities) + len(request.get("rows", ())), about)

    def about_some(self, entities: Sequence[tuple[Entity, str]]) -> PredictionsRequest:
        """The same request about some of its entities."""
        request = self.request.copy()
        if "customer_ids" in request:
            request["customer_ids"] = [one for kind, one in entities if kind == "customer"]
        if "subscription_ids" in request:
            request["subscription_ids"] = [one for kind, one in entities if kind == "subscription"]
        return request


@dataclass(frozen=True)
class AskedModel:
    """A model and its horizons that are asked for.

    Parameters
    ----------
    model : ServedModel
        The model.
    places : tuple of int
        Positions of the horizons among the version's, shortest first.
    named : bool
        The request names the model.
    """

    model: ServedModel
    places: tuple[int, ...]
    named: bool


def find_asked(served: ServedModels, request: PredictionsRequest) -> list[AskedModel]:
    """The models that a request about ids asks, in the order of answers.

    Raises
    ------
    InputError
        A model is not served, none has a horizon that is asked for, or a model speaks of nobody
        that is asked about; it lists what there is.
    """
    chosen = choose_models(served, request.get("models"))
    named = "models" in request
    given = [entity for entity, ids in ID_LISTS.items() if ids in request]
    speaking = [model for model in chosen if _speaks(model, given)]
    if named:
        for model in chosen:
            if model not in speaking:
                raise InputError(
                    "models", f"{_subject(model)}, and the request has none", model.name
                )
    if not speaking:
        subjects = "; ".join(map(_subject, chosen))
        raise InputError(", ".join(ID_LISTS[entity] for entity in given), subjects)
    return choose_horizons(speaking, request.get("horizons_days"), named)


def choose_models(served: ServedModels, names: Sequence[str] | None) -> list[ServedModel]:
    """Served models by name, each once; all where no names are given.

    Raises
    ------
    InputError
        A name is none of a served model.
    UnavailableModelError
        No version of a named model can be loaded.
    """
    if names is None:
        return list(served.models.values())
    for place, name in enumerate(names):
        if name in served.unavailable:
            raise UnavailableModelError(name)
        if name not in served.models:
            there = ", ".join(served.models)
            raise InputError(f"models[{place}]", f"must be one that is served ({there})", name)
    return [served.models[name] for name in dict.fromkeys(names)]


def choose_horizons(
    models: Sequence[ServedModel], horizons_days: Sequence[int] | None, named: bool
) -> list[AskedModel]:
    """Models with their horizons that are asked for; all horizons where none are.

    Models that were not named and have none of the horizons are left out.

    Raises
    ------
    InputError
        No model has a horizon, or a named model has none of them.
    """
    if horizons_days is None:
        return [
            AskedModel(model, tuple(range(len(model.version.horizons))), named) for model in models
        ]
    for place, days in enumerate(horizons_days):
        if all(days not in model.version.horizons for model in models):
            there = "; ".join(f"{model.name}: {_horizons(model)}" for model in models)
            raise InputError(
                f"horizons_days[{place}]", f"must be one that a model asked has ({there})", days
            )
    asked = []
    for model in models:
        places = tuple(
            place for place, days in enumerate(model.version.horizons) if days in horizons_days
        )
        if places:
            asked.append(AskedModel(model, places, named))
        elif named:
            raise InputError(
                "horizons_days",
                f"model {model.name} has none of them; it has {_horizons(model)}",
                list(horizons_days),
            )
    return asked


def _speaks(model: ServedModel, given: Sequence[Entity]) -> bool:
    return model.entity in given or (model.entity == "subscription" and "customer" in given)


def _subject(model: ServedModel) -> str:
    ids = {
        "customer": "of customers: it needs customer_ids",
        "subscription": "of subscriptions: it needs subscription_ids or customer_ids",
        "contact": "of contacts: it needs rows",
    }
    return f"model {model.name} speaks {ids[model.entity]}"


def _horizons(model: ServedModel) -> str:
    return ", ".join(str(days) for days in model.version.horizons if days is not None) or "none"
