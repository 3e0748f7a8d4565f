"""`holdfast data`: check."""

from pathlib import Path
from typing import Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors

QUARANTINED = 3
"""Exit code when the check ran to its end and some rows were quarantined."""

app = typer.Typer(no_args_is_help=True, help="The operator's raw tables.", rich_markup_mode=None)


@app.command()
@reporting_errors
def check(
    where: Annotated[
        str,
        typer.Argument(
            metavar="WHERE",
            help="Raw tables: a folder of parquet or CSV, or a SQLAlchemy URL.",
            show_default=False,
        ),
    ],
    home: HomeOption = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(
            help="Directory for rows that are not accepted. Default: checked below home",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check raw tables against their contracts; exit code 3 when rows were quarantined."""
    from commands.console import print_json, results_only

    with results_only():
        from features.fields import features_without
        from features.intake.check import check as run
        from features.sources import open_source

        report = run(
            open_source(where),
            quarantine=quarantine or home_of(home).checked,
            disables=features_without,
        )
    if as_json:
        print_json(report.to_json())
    else:
        from commands.data_summary import print_check

        print_check(report)
    if not report.clean:
        raise typer.Exit(QUARANTINED)
