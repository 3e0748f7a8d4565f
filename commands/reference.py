"""The generated references in `docs/reference`: every command, setting, raw table and
feature, and the REST contract.

``python -m commands.reference`` writes them anew; a test fails when they are not what it would
write.
"""

import json
from pathlib import Path
from typing import Any

import typer

from commands.main import app
from commands.sections import sections

_NOTE = "<!-- Written by `make docs`; change the code, not this page. -->"

_EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong use or wrong input (nothing was changed), 3 done, with something to look at"
    " (each command says what), 130 interrupted."
)


def references() -> dict[str, str]:
    """The pages by file name."""
    return {
        "commands.md": _commands(),
        "settings.md": _settings(),
        "data_dictionary.md": _data_dictionary(),
        "openapi.json": _openapi(),
        "errors.md": _errors(),
    }


def write(directory: Path) -> None:
    """Write the pages into a directory."""
    for name, page in references().items():
        (directory / name).write_text(page, encoding="utf-8")


def _commands() -> str:
    group: Any = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        _NOTE,
        "",
        _EXIT_CODES,
        "",
    ]
    lines += ["## holdfast", "", str(group.help), "", *_parameters(group)]
    for name, command in sorted(group.commands.items()):
        lines += _command(f"holdfast {name}", command)
    return "\n".join(lines)


def _command(name: str, command: Any) -> list[str]:
    if hasattr(command, "commands"):
        return [
            line
            for part in sorted(command.commands)
            for line in _command(f"{name} {part}", command.commands[part])
        ]
    arguments = [p.name.upper() for p in command.params if p.param_type_name == "argument"]
    return [f"## {' '.join([name, *arguments])}", "", str(command.help), "", *_parameters(command)]


def _parameters(command: Any) -> list[str]:
    rows = ["| option | meaning | default |", "| --- | --- | --- |"]
    for parameter in command.params:
        default = "required" if parameter.required else _default(parameter)
        names = (
            parameter.name.upper()
            if parameter.param_type_name == "argument"
            else ", ".join(parameter.opts)
        )
        rows.append(f"| `{names}` | {parameter.help} | {default} |")
    return [*rows, ""]


def _default(parameter: Any) -> str:
    return "" if parameter.default in (None, False, ()) else f"`{parameter.default}`"


def _settings() -> str:
    lines = [
        "# Settings",
        "",
        _NOTE,
        "",
        "Set them in the environment; `holdfast settings` shows the values in force and where they come from.",
        "",
    ]
    lines += ["| setting | default | what for |", "| --- | --- | --- |"]
    for section in sections():
        for name, field in section.model_fields.items():
            default = "" if field.default is None else f"`{field.default}`"
            lines.append(f"| `{section.variable(name)}` | {default} | {field.description} |")
    return "\n".join([*lines, ""])


def _data_dictionary() -> str:
    from features.dictionary import features_section, raw_tables_section

    return "\n".join(["# Data dictionary", "", _NOTE, "", raw_tables_section(), features_section()])


def _openapi() -> str:
    from serving.contract.openapi import openapi
    from serving.served.description import describe_operator_models
    from serving.settings import ServingSettings

    document = openapi(ServingSettings.model_construct(), describe_operator_models())
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _errors() -> str:
    from serving.contract.codes import codes_page

    return codes_page()


if __name__ == "__main__":
    write(Path("docs/reference"))
