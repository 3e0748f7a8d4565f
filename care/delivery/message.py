"""Messages: what a receiver is told of a decision, as the body of a webhook."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import UndefinedError

from care.catalogue import Catalogue
from care.ledger.rows import Claim
from care.texts import Value, render

ContactIds = Callable[[str], Mapping[str, str]]
"""Gives by the name of a system, how it knows each customer."""


WORDING = "wording"
"""Field of a decision in which the digest of its text stands, as it was planned and approved."""


class UnfitError(Exception):
    """A decision cannot be told to a receiver as things are; says why, without attribute values."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """The text of a message, filled.

    Parameters
    ----------
    language : str
        Its language.
    message : str
        The text.
    fields : dict of str to JSON
        What it was filled with, without what the operator says of itself.
    """

    language: str
    message: str
    fields: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Fills the texts of actions.

    Parameters
    ----------
    catalogue : Catalogue
        The actions.
    language_of : callable
        The language of texts for the language of a customer.
    """

    catalogue: Catalogue
    language_of: Callable[[str], str]

    def fill(self, claim: Claim) -> Text:
        """The text of a decision.

        Raises
        ------
        UnfitError
            A fact that it needs is not known, or its text is another than the one approved.
        """
        decision = claim.decision
        action = self.catalogue.actions.get(decision.action)
        if action is None:
            raise UnfitError("its action is no longer in the catalogue")
        # A decision of an earlier release says nothing of it.
        wording = self.catalogue.wordings[action.code]
        if decision.fields.get(WORDING, wording) != wording:
            raise UnfitError("its text is another than the one that was approved")
        language = self.language_of(str(decision.fields.get("language") or ""))
        operator = self.catalogue.operator
        fields = {name: value for name, value in decision.fields.items() if name in action.fields}
        values: dict[str, Value] = {**operator.values(language), **fields}
        try:
            message = render(action.texts[language], values, language, operator.currency)
        except UndefinedError:
            raise UnfitError("a fact that its text needs is not known") from None
        except (TypeError, ValueError):
            raise UnfitError("a fact that its text needs is of another kind") from None
        return Text(language=language, message=message, fields=fields)


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message that is ready to be sent.

    Parameters
    ----------
    message_id : str
        The same in each attempt: whoever has it has the message.
    body : str
        JSON.
    """

    message_id: str
    body: str


def send_message(
    claim: Claim, text: Text, contact_id: str | None, send_after: datetime, at: datetime
) -> Message:
    """The message that asks a receiver to send something.

    Parameters
    ----------
    claim : Claim
        The decision.
    text : Text
        Its text.
    contact_id : str or None
        The receiver's own id of the customer.
    send_after : datetime
        When it may be sent (UTC).
    at : datetime
        What time it is for the operator (UTC).
    """
    decision = claim.decision
    data = {
        "decision_id": decision.decision_id,
        "campaign_id": claim.campaign_id,
        "contact_id": contact_id,
        "customer_id": decision.customer_id,
        "subscription_id": decision.subscription_id,
        "action": decision.action,
        "action_class": decision.action_class,
        "channel": decision.channel,
        "language": text.language,
        "message": text.message,
        "fields": text.fields,
        "send_after": send_after.isoformat(),
        "send_before": decision.send_before and decision.send_before.isoformat(),
        "consent_revision": claim.consent_revision,
    }
    return Message(message_id=decision.decision_id, body=_body("care.send", data, at))


def cancel_message(claim: Claim, at: datetime) -> Message:
    """The message that tells a receiver not to send something that it was asked to send; parameters
    as of `send_message`.
    """
    data = {"decision_id": claim.decision.decision_id, "campaign_id": claim.campaign_id}
    return Message(
        message_id=f"{claim.decision.decision_id}-cancel", body=_body("care.cancel", data, at)
    )


def _body(kind: str, data: Mapping[str, Any], at: datetime) -> str:
    document = {"type": kind, "timestamp": at.isoformat(), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
