"""Options that several commands have, and errors as one readable line."""

import functools
import logging
import shlex
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from holdfast.errors import HoldfastError, InputError
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


class Commands(TyperGroup):
    """A group of commands that names a value which an option cannot take as our own errors do.

    Typer's words for it are several lines, in terms of the library that reads the values.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            refused = _refused_value(error)
            if refused is None:  # such as an argument that is not given: Typer shows the usage
                raise
            _fail(str(refused), refused.exit_code)


def _refused_value(error: typer.BadParameter) -> InputError | None:
    """The value that an option or an argument cannot take; None where no value is the trouble."""
    problems: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if error.param is None or not problems:
        return None
    problem = problems[0]
    limits = problem.get("ctx", {})
    rules = {
        "int_parsing": "must be a whole number",
        "float_parsing": "must be a number",
        "greater_than_equal": f"must be at least {limits.get('ge')}",
        "less_than_equal": f"must be at most {limits.get('le')}",
    }
    rule = rules.get(problem["type"])
    if rule is None and "does not match the formats '%Y-%m-%d'" in problem["msg"]:
        rule = "must be a day that exists, such as 2025-06-30"
    return InputError(error.param.opts[0], rule or problem["msg"], problem["input"])


def check_page_language(language: str, page_written: bool) -> None:
    """Refuse a language without words, and one that changes nothing because no page is written."""
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
            _fail(str(_named_by_option(error, options)), error.exit_code)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            _fail(MESSAGE, INTERRUPTED)
        except Exception as error:
            first_line = (str(error).splitlines() or [""])[0]
            _fail(f"unexpected {type(error).__name__}: {first_line} (--debug shows where)", 1)

    return run


def _named_by_option(error: HoldfastError, options: Mapping[str, Any]) -> HoldfastError:
    """An error about the language or the model that an option gave, with that option as its field.

    What refuses them does not know whether they came from an option or in a request.
    """
    if not isinstance(error, InputError) or error.field not in ("language", "model"):
        return error
    if error.value is None or options.get(error.field) != error.value:
        return error
    return InputError(f"--{error.field}", error.rule, error.value)


def _fail(message: str, exit_code: int) -> NoReturn:
    if logging.getLogger("holdfast").isEnabledFor(logging.DEBUG):
        traceback.print_exc()
    typer.secho("error", fg="red", bold=True, nl=False, err=True)
    typer.echo(f" {' '.join(message.split())}", err=True)
    raise typer.Exit(exit_code)
