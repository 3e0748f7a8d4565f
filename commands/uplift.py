"""`holdfast uplift`: what an action does, and to whom, from a randomised experiment."""

from pathlib import Path
from typing import Annotated

import typer

from commands.command import HomeOption, JsonOption, home_of, reporting_errors
from holdfast.errors import InputError


@reporting_errors
def uplift(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TABLE]",
            help="One row a customer of an experiment: .csv, .csv.gz or .parquet. Default: the home's randomised contacts",
            show_default=False,
        ),
    ] = None,
    treatment: Annotated[
        str | None, typer.Option(help="Column that names each row's arm.", show_default=False)
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(
            help="Column that says what came of it: two values, or numbers.", show_default=False
        ),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            help="Value of the treatment that means nothing was done. Default: the one called control or the like",
            show_default=False,
        ),
    ] = None,
    good: Annotated[
        list[str] | None,
        typer.Option(
            help="Value of the outcome that is good, such as stayed; repeat for several; higher or lower for numbers.",
            show_default=False,
        ),
    ] = None,
    propensity: Annotated[
        str | None,
        typer.Option(
            help="Column with the probability that the row's own arm was drawn with. Default: the arms' shares",
            show_default=False,
        ),
    ] = None,
    id: Annotated[
        str | None, typer.Option(help="Column that names the customer.", show_default=False)
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Column whose equal values belong together, such as a household.",
            show_default=False,
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            help="Column not to use, such as one known only afterwards; repeat for several.",
            show_default=False,
        ),
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(
            help="Care action to judge, without TABLE; repeat for several. Default: all",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory for result, models and report. Default: one below uplift in the home",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a randomised experiment: does an action work, is it targetable, whom does it harm."""
    from commands.console import print_json, results_only

    given = {
        "--treatment": treatment,
        "--outcome": outcome,
        "--control": control,
        "--good": good,
        "--propensity": propensity,
        "--id": id,
        "--group": group,
        "--drop": drop,
    }
    with results_only():
        from pipeline.uplift import judge_home, judge_table
        from training.uplift.experiment_table import ExperimentRoles

        folder = home_of(home).root / "uplift"
        if table is None:
            for option, value in given.items():
                if value:
                    raise InputError(option, "is about a TABLE, which must be given then", value)
            run = judge_home(home_of(home), action or (), out or folder / "care")
        else:
            if action:
                raise InputError(
                    "--action",
                    "is about the home's contacts; with TABLE, arms are those of --treatment",
                    action,
                )
            if treatment is None or outcome is None:
                missing = "--treatment" if treatment is None else "--outcome"
                raise InputError(missing, "must name a column of TABLE")
            roles = ExperimentRoles(
                treatment=treatment,
                outcome=outcome,
                control=control,
                good=tuple(good or ()),
                propensity=propensity,
                id=id,
                group=group,
                drop=tuple(drop or ()),
            )
            run = judge_table(table, roles, out or folder / table.name.split(".")[0])
    if as_json:
        print_json(run.to_json())
    else:
        from commands.uplift_summary import print_uplift

        print_uplift(run)
