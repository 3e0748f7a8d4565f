"""`holdfast export` and `holdfast retention`: what is kept of one person, and what is kept too long."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors


@reporting_errors
def export(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Id of the customer.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder for export.json and export.html. Default: one below exports in the home",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Language of words and reasons: en, zh-Hans or zh-Hant.")
    ] = "en",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give out what the home keeps of a customer, for programs and as a page to read.

    Raw rows, also those that were not accepted; features of the newest snapshot, in words, and of
    past Mondays; scores with reasons; events that wait; decisions and consents of care. The folder
    can be read by its owner alone. Those below exports in the home are removed after
    HOLDFAST_RETENTION_EXPORTS_DAYS, and when the customer is erased.
    """
    from commands.console import print_json, results_only

    with results_only():
        from care.settings import CareSettings
        from holdfast.clock import home_clock, system_clock
        from pipeline.privacy.export import export_person

        place = home_of(home)
        now = home_clock(place, system_clock)()
        exported = export_person(
            place, customer, now=now, language=language, care=CareSettings.read()
        )
        if not (as_json and out is None):
            # Not named by the customer: names of folders are seen by more people.
            folder = out or place.exports / f"{now:%Y%m%d}-{secrets.token_hex(4)}"
            path = exported.write(folder)
    if as_json:
        print_json(exported.document)
        return
    document = exported.document
    rows = sum(map(len, document["raw"].values()))
    typer.echo(
        f"{rows:,} raw rows of {len(document['raw'])} tables, {len(document['features'])} rows of"
        f" features, {len(document['scores'])} scores: {path}, and export.html beside it to read"
    )
    for about in document["left_out"]:
        typer.echo(f"not in it: {about}")


@reporting_errors
def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove raw rows, snapshots, scores, quarantined rows, exports and test predictions kept for
    long enough.

    The night does the same in its step retention. How long what is kept: HOLDFAST_RETENTION_....
    """
    from commands.console import print_json, results_only

    with results_only():
        from holdfast.clock import home_clock, system_clock
        from holdfast.errors import HomeError
        from pipeline.privacy.retention import apply_retention
        from pipeline.privacy.settings import RetentionSettings
        from training.settings import TrainingConfig

        place = home_of(home)
        if not place.root.exists():
            raise HomeError("--home", "must be an existing home", str(place.root))
        now = home_clock(place, system_clock)()
        settings = RetentionSettings.read()
        old = apply_retention(
            place, settings, training=TrainingConfig.read(), now=now, dry_run=dry_run
        )
    if as_json:
        print_json({"dry_run": dry_run, "removed": [one.to_json() for one in old]})
        return
    for one in old:
        rows = "" if one.rows is None else f", {one.rows:,} rows before then"
        typer.echo(f"{one.since[:10]}  {one.size_bytes:>12,} bytes  {one.kind}  {one.path}{rows}")
    total = sum(one.size_bytes for one in old)
    typer.echo(f"{len(old)} {'would go' if dry_run else 'removed'}, {total:,} bytes")
