"""`holdfast show`: one customer as an agent should see it."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

if TYPE_CHECKING:
    from rich.console import Console

    from features.live.held import HeldId
    from models.words.catalogue import Catalogue
    from serving.contract.customers import CustomerView, Fact
    from serving.contract.predictions import Prediction

_BANDS = {"high": "red", "medium": "yellow", "low": "green"}


@reporting_errors
def show(
    id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a customer, or of a subscription.")
    ],
    language: Annotated[str, typer.Option(help="Language: en, zh-Hans or zh-Hant.")] = "en",
    reasons: Annotated[
        int, typer.Option(min=0, max=20, help="Most reasons for each prediction.")
    ] = 3,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one customer: subscriptions, risks with reasons, and the newest facts."""
    from commands.console import print_json, results_only

    with results_only():
        from features.live.held import find_held
        from features.online.service import OPERATOR_DIRECTORY, online_directory
        from features.online.settings import OnlineSettings
        from holdfast.clock import system_clock
        from holdfast.errors import InputError
        from models.words.catalogue import resolve
        from serving.answers.customers import view_customers
        from serving.answers.freshness import Freshness
        from serving.contract.customers import check_customers
        from serving.served.follower import ModelFollower
        from serving.settings import ServingSettings

        resolved = resolve(language)
        settings = ServingSettings.read()
        where = home_of(home)
        follower = ModelFollower(where, OnlineSettings.read(), system_clock, for_many=False)
        follower.refresh()
        served = follower.current()
        (owner,) = served.people.customers_of([id])
        freshness = Freshness(follower.now(), settings.stale_days, settings.withhold_days)
        asked = check_customers({"customer_ids": [owner or id], "reasons": reasons}, 1)
        answer = view_customers(served, asked, resolved, freshness, "service")
        (view,) = answer["customers"]
        if view["error"] is not None:
            held = find_held(online_directory(where.features / OPERATOR_DIRECTORY)).of(id)
            raise InputError(
                "ID", "must be a customer or a subscription in the feature store" + _waits(held), id
            )
    if as_json:
        print_json(dict(answer))
    else:
        print_view(view, resolved)


def _waits(held: "tuple[HeldId, ...]") -> str:
    """What waits for an id that no build knows, as the end of a sentence."""
    return "".join(
        f"; live events of this {one.kind} wait since {one.since[:16].replace('T', ' ')}: "
        + ", ".join(f"{count} {table}" for table, count in one.tables.items())
        for one in held
    )


def print_view(view: "CustomerView", language: str) -> None:
    """Print a customer: what is known of it, then each subscription."""
    from rich.console import Console
    from rich.markup import escape

    from models.words.catalogue import words

    console, catalogue = Console(highlight=False), words(language)
    console.print(f"[bold]{escape(view['customer_id'])}[/bold]")
    _print_predictions(console, view["predictions"], catalogue)
    _print_facts(console, view["facts"], catalogue)
    for subscription in view["subscriptions"]:
        console.print(f"\n[bold]{escape(subscription['subscription_id'])}[/bold]")
        _print_predictions(console, subscription["predictions"], catalogue)
        _print_facts(console, subscription["facts"], catalogue)


def _print_predictions(
    console: "Console", predictions: "list[Prediction]", catalogue: "Catalogue"
) -> None:
    from rich.markup import escape

    texts, comma = catalogue.answers, catalogue.answers["comma"]
    for one in predictions:
        model = str(one["model"])
        name = catalogue.targets.get(model, model)
        if one["horizon_days"] is not None:
            name += comma + texts["within_days"].format(days=one["horizon_days"])
        name = f"  {escape(name + texts['colon'])}"
        if one["probability"] is None or one["band"] is None:
            why = one["error"]["detail"] if one["error"] else texts["no_prediction"]
            console.print(f"{name}[dim]{escape(why)}[/dim]", soft_wrap=True)
        else:
            colour, band = _BANDS[one["band"]], catalogue.bands[one["band"]]
            share = f"{one['probability']:.1%} {band}"
            console.print(f"{name}[{colour}]{share}[/{colour}]", soft_wrap=True)
        for reason in one["reasons"]:
            sign = "+" if reason["contribution"] > 0 else "\N{MINUS SIGN}"
            able = f"  [green]{catalogue.actionable['yes']}[/green]" if reason["actionable"] else ""
            console.print(f"    {sign} {escape(reason['text'])}{able}", soft_wrap=True)
        notes = [*(catalogue.marks[mark] for mark in one["marks"]), *one["warnings"]]
        for note in notes:
            console.print(
                f"    [yellow]{texts['note']}[/yellow]{texts['colon']}{escape(note)}",
                soft_wrap=True,
            )


def _print_facts(console: "Console", facts: "list[Fact]", catalogue: "Catalogue") -> None:
    from itertools import groupby

    from rich.markup import escape

    for driver, group in groupby(facts, key=lambda fact: fact["driver"]):
        console.print(f"  [dim]{catalogue.driver_label(driver)}[/dim]")
        for fact in group:
            console.print(
                f"    {escape(fact['text'])}  [dim]{fact['time'][:10]}[/dim]", soft_wrap=True
            )
