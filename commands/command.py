"""Options that several commands have, and errors as one readable line."""

import functools
import logging
import shlex
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.errors import HoldfastError
from holdfast.interrupt import INTERRUPTED, MESSAGE

if TYPE_CHECKING:
    from holdfast.home import Home

HomeOption = Annotated[
    Path | None,
    typer.Option(
        help="Directory that holds everything. Default: HOLDFAST_HOME, or var", show_default=False
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object on standard output, and nothing else there."
    ),
]
PageLanguageOption = Annotated[
    str, typer.Option(help="Language of the page: en, zh-Hans or zh-Hant.")
]


def check_page_language(language: str, page_written: bool) -> None:
    """Refuse a language without words, and one that changes nothing because no page is written."""
    from holdfast.errors import InputError
    from models.words.catalogue import resolve

    if resolve(language) != "en" and not page_written:
        raise InputError(
            "--language", "needs --page: only the page is in another language", language
        )


def home_of(home: Path | None) -> "Home":
    """The home directory given as an option, else by the settings."""
    from holdfast.home import Home
    from holdfast.settings import BaseSection

    return Home(home or BaseSection.read().home)


def in_same_home(command: str, home: Path | None) -> str:
    """A command to run next, in the home that this one was given as an option."""
    return command if home is None else f"{command} --home {shlex.quote(str(home))}"


def reporting_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one readable line on standard error and their exit code."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except HoldfastError as error:
            _fail(str(error), error.exit_code)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            _fail(MESSAGE, INTERRUPTED)
        except Exception as error:
            first_line = (str(error).splitlines() or [""])[0]
            _fail(f"unexpected {type(error).__name__}: {first_line} (--debug shows where)", 1)

    return run


def _fail(message: str, exit_code: int) -> None:
    if logging.getLogger("holdfast").isEnabledFor(logging.DEBUG):
        traceback.print_exc()
    typer.secho("error", fg="red", bold=True, nl=False, err=True)
    typer.echo(f" {' '.join(message.split())}", err=True)
    raise typer.Exit(exit_code)
