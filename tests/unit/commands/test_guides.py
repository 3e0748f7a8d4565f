"""Commands that the README and the guides show are commands that there are, with options that they
have.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from commands.main import app
from features.live.event import read_event
from serving.contract.care.campaigns import read_approval
from serving.contract.care.consents import read_consents
from serving.contract.care.decisions import read_decision_ids
from serving.contract.care.jobs import read_measure
from serving.contract.care.outcomes import read_outcomes
from serving.contract.events import check_events
from serving.contract.predictions import check_request, parse_json
from tests.builders.guides import PAGES, ROOT, examples, inline_commands

SHOWN = [
    (page.stem, command)
    for page in PAGES
    for example in examples(page, "sh")
    for command in example.commands
]
MENTIONED = [
    (page.stem, command)
    for page in [*PAGES, *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    for command in inline_commands(page)
    if not command.endswith(" COMMAND")
]

LATER = datetime(2030, 1, 1, tzinfo=UTC)
"""After whatever a guide lets happen."""

CONTRACTS: Mapping[str, Callable[[Any], object]] = {
    "/v1/campaigns/measure": read_measure,
    "/v1/predictions": lambda document: check_request(document, 1_000),
    "/v1/consents": lambda document: read_consents(document, 1_000, LATER),
    "/v1/outcomes": lambda document: read_outcomes(document, 1_000, LATER),
    "/v1/decisions/check": lambda document: read_decision_ids(document, 1_000),
    "/v1/campaigns/approve": read_approval,
}
"""What checks a body, by the path that it is sent to."""


def parse(command: str) -> None:
    """Parse a command line as `holdfast` does, without running anything; TyperException."""
    words = shlex.split(command)[1:]
    there, context = typer.main.get_command(app), None
    while isinstance(there, TyperGroup):
        context = there.make_context(there.name, words, parent=context)
        _, there, words = there.resolve_command(context, [*context._protected_args, *context.args])
    there.make_context(there.name, words, parent=context)


@pytest.mark.parametrize("page, command", SHOWN, ids=lambda text: text)
def test_what_a_block_shows_can_be_typed(page: str, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "holdfast":
        parse(command)
    elif words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(re.search(rf"^{target}:", makefile, re.M) for target in words[1:])
    elif words[0] == "curl" and "-d" in words:
        document = parse_json(words[words.index("-d") + 1].encode())
        if words[2] == "http://127.0.0.1:3000/v1/events":
            for event in check_events(document, 1_000)["events"]:
                read_event(event["table"], event["row"])
        else:
            path = words[2].removeprefix("http://127.0.0.1:3000")
            CONTRACTS[path](document)
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file()
    else:
        assert words[0] in ("curl", "export")


@pytest.mark.parametrize("page, command", MENTIONED, ids=lambda text: text)
def test_what_a_sentence_mentions_is_there(page: str, command: str) -> None:
    try:
        parse(command)
    except TyperException as error:
        if type(error).__name__ != "MissingParameter":  # a sentence need not say all
            raise


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_comments_on_blocks_stand_before_blocks(page: Path) -> None:
    marked = [one for one in examples(page, "sh") if one.why_not_run]
    assert page.read_text(encoding="utf-8").count("<!-- not run:") == len(marked)


@pytest.mark.parametrize(
    "command",
    ["holdfast trian churn", "holdfast train churn --sceonds 3", "holdfast quickstart --target x"],
)
def test_what_has_drifted_would_be_seen(command: str) -> None:
    with pytest.raises(TyperException):
        parse(command)
