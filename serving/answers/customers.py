"""Customers as an agent should see them: who, risks with reasons, and the newest facts."""

from models.score_set import Purpose
from serving.answers.facts import facts_of
from serving.answers.freshness import Freshness
from serving.answers.kept import Kept, KeptScores
from serving.answers.predict import predict
from serving.contract.customers import CustomersAnswer, CustomersRequest, CustomerView, Fact
from serving.contract.predictions import Prediction, check_request
from serving.served.snapshot import ServedModels


def view_customers(
    served: ServedModels,
    asked: CustomersRequest,
    language: str,
    freshness: Freshness,
    purpose: Purpose,
) -> CustomersAnswer:
    """Show customers.

    Parameters
    ----------
    served : ServedModels
        What to predict with.
    asked : CustomersRequest
        As `serving.contract.customers.check_customers` gives it.
    language : str
        Language of facts and reasons.
    freshness : Freshness
        What time it is, and how old features may be.
    purpose : {"service", "marketing"}
        What the answer is for. For marketing, predictions with a mark that bars it are withheld,
        and so are facts from traffic or location data, and all of customers who object to profiling.

    Raises
    ------
    InputError
        No model that is served speaks of customers or their subscriptions.
    ModelError
        The online store no longer fits what is loaded.
    """
    ids = asked["customer_ids"]
    request = check_request({"customer_ids": ids, "reasons": asked["reasons"]}, len(ids))
    kept: Kept[KeptScores] = Kept(0)
    made = predict(served, request, language, freshness, purpose, kept)
    people, customers = served.people, list(dict.fromkeys(ids))
    owned = None if people.owned is None else people.owned.subscriptions_of(customers)
    of = {} if owned is None else dict(zip(customers, owned, strict=True))
    lines = [line for subscriptions in of.values() for line in subscriptions]
    facts: dict[str, list[Fact]] = {}
    if people.lines is not None and lines:
        facts |= facts_of(people.lines, lines, language, purpose, people)
    of_customers: dict[str, list[Fact]] = {}
    if people.customers is not None:
        of_customers = facts_of(people.customers, customers, language, purpose, people)
    silent = people.objecting(customers) if purpose == "marketing" else set()
    return {
        "language": language,
        "limits": freshness.limits(),
        "unavailable": served.unavailable,
        "customers": [
            _view(
                customer,
                of.get(customer, ()),
                one.predictions,
                {} if customer in silent else facts,
                [] if customer in silent else of_customers.get(customer, []),
                is_known=customer in of_customers or bool(of.get(customer)),
            )
            for customer, one in zip(ids, made, strict=True)
        ],
    }


def _view(
    customer: str,
    subscriptions: tuple[str, ...],
    predictions: list[Prediction],
    facts: dict[str, list[Fact]],
    of_customer: list[Fact],
    *,
    is_known: bool,
) -> CustomerView:
    whole = [one for one in predictions if one["subscription_id"] is None]
    # The one prediction without a model says that nobody knows the customer.
    error = next((one["error"] for one in whole if one["model"] is None), None)
    return {
        "customer_id": customer,
        "facts": of_customer,
        "predictions": [one for one in whole if one["model"] is not None],
        "subscriptions": [
            {
                "subscription_id": line,
                "facts": facts.get(line, []),
                "predictions": [one for one in predictions if one["subscription_id"] == line],
            }
            for line in subscriptions
        ],
        "error": None if is_known else error,
    }
