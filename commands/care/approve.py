"""`holdfast care approve`: by a person, who shows that it is they with an API key of their own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.care.campaign import CampaignArgument, opened
from commands.care.failpoint import failpoint
from commands.command import (
    HomeOption,
    JsonOption,
    PageLanguageOption,
    home_of,
    in_same_home,
    reporting_errors,
)
from holdfast.errors import InputError

if TYPE_CHECKING:
    from care.ledger.rows import Approver
    from holdfast.clock import Clock
    from serving.access.key_store import KeyStore


@reporting_errors
def approve(
    name: CampaignArgument,
    digest: Annotated[
        str | None,
        typer.Option(
            help="Digest of the plan that was looked at, or its first eight letters."
            " Default: whatever plan is newest",
            show_default=False,
        ),
    ] = None,
    nightly: Annotated[
        bool,
        typer.Option(
            "--nightly",
            help="Approve the plans of each night in advance, up to --most-messages and --most-cost."
            " Beyond them, and after a night with doubts, a plan waits for a person.",
        ),
    ] = False,
    most_messages: Annotated[
        int | None,
        typer.Option(help="With --nightly: messages on one day, at most.", show_default=False),
    ] = None,
    most_cost: Annotated[
        float | None,
        typer.Option(
            help="With --nightly: cost of one day's messages, at most, in the operator's currency.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        bool, typer.Option("--end", help="Approve nothing more of the campaign in advance.")
    ] = False,
    language: PageLanguageOption = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve the newest plan of a campaign: what it sends may go out from then on.

    Who approves is whose key it is: an API key with the scope care:approve, in
    HOLDFAST_CARE_APPROVER_KEY or typed when asked for.
    """
    from commands.console import print_json
    from models.words.catalogue import resolve

    resolve(language)
    _require_together(nightly, most_messages, most_cost, end, digest)
    by = _approver(home)
    with opened(home, failpoint()) as (care, clock):
        from pipeline.care.approve import approve_campaign, approve_nightly, end_nightly

        if end:
            ended = end_nightly(care, name, by, clock)
            document = {"campaign_id": name, "ended": ended, "by": by.name}
            text = f"no plan {'is approved in advance any more' if ended else 'was approved in advance'}"
        elif nightly and most_messages is not None and most_cost is not None:
            rule = approve_nightly(care, name, by, most_messages, most_cost, clock)
            document = {
                "campaign_id": name,
                "most_messages": most_messages,
                "most_cost": most_cost,
                "approved_by": by.name,
                "how": by.how,
                "key": by.key,
                "digest": rule.digest,
                "approved_at": rule.at.isoformat(),
            }
            text = (
                f"each night's plan is approved by {by.name}, up to {most_messages:,} messages and a"
                f" cost of {most_cost:,g} a day"
            )
        else:
            approval = approve_campaign(care, name, by, digest, clock, language)
            document = approval.to_json()
            to_send = approval.to_send
            what = f"{to_send:,} may be sent" if to_send else "approved before"
            text = f"{approval.plan.plan_id}: {what}, by {approval.by.name}"
    if as_json:
        print_json(document)
        return
    typer.echo(f"{name}: {text}." if nightly or end else f"{text}.")
    if not (nightly or end):
        typer.echo(f"Next: {in_same_home('holdfast care send', home)}")


def _require_together(
    nightly: bool, messages: int | None, cost: float | None, end: bool, digest: str | None
) -> None:
    if end and (nightly or digest is not None):
        raise InputError("--end", "must stand alone")
    if nightly and digest is not None:
        raise InputError(
            "--digest", "must be left out with --nightly: there is no plan yet", digest
        )
    for option, value in (("--most-messages", messages), ("--most-cost", cost)):
        if nightly != (value is not None):
            rule = "must be given with --nightly" if nightly else "needs --nightly"
            raise InputError(option, rule, value)


def _approver(home: Path | None) -> "Approver":
    """Who approves, by the key in the environment or typed."""
    from care.settings import ApproverSettings
    from holdfast.clock import system_clock
    from serving.access.key_store import KeyStore

    variable = ApproverSettings.variable("approver_key")
    given = ApproverSettings.read().approver_key
    if given is not None:
        secret = given.get_secret_value()
    elif sys.stdin.isatty():
        secret = typer.prompt("Your key", hide_input=True, err=True)
    else:
        raise InputError(
            variable,
            "must hold the key of who approves; make one with `holdfast keys create NAME"
            ' --person "FIRST LAST" --scope care:approve`',
        )
    # The machine's time, also for a simulated operator: keys are people's.
    return _person_of(secret.strip(), KeyStore(home_of(home), system_clock), system_clock, variable)


def _person_of(secret: str, keys: "KeyStore", clock: "Clock", field: str) -> "Approver":
    """The person behind a secret that may approve; no error shows the secret."""
    from care.ledger.rows import Approver
    from serving.access.key_ring import InvalidKeyError, by_secret, find_valid
    from serving.access.scope import KeyScope

    try:
        key, _ = find_valid(by_secret(keys.all()), secret, clock())
    except InvalidKeyError as error:
        rule = "must be the secret of a valid key with the scope care:approve"
        raise InputError(field, f"{rule}. {error}") from None
    if KeyScope.CARE_APPROVE not in key.scopes or key.person is None:
        raise InputError(field, "must be of a key with the scope care:approve", key.name)
    return Approver(name=key.person, how="key", key=key.name)
