"""The requests of the guide for a CRM, and the answers that it shows."""

import itertools
import json
import re
import shlex
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.builders.guides import ROOT, examples

GUIDE = ROOT / "docs" / "guides" / "crm.md"
EXAMPLE = re.compile(r"```sh\n(curl [^`]*)```\n\n```json\n(.*?)```", re.DOTALL)
EXAMPLES = EXAMPLE.findall(GUIDE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_the_guide_shows_what_the_service_answers(
    operator: TestClient, command: str, shown: str
) -> None:
    if "$NEXT" in command:
        command = command.replace("$NEXT", operator.get("/v1/scores").json()["next"])
    words = shlex.split(command.replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http://127.0.0.1:3000/"))
    options = list(itertools.pairwise(words))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    bodies = [value for option, value in options if option == "-d"]
    answer = operator.request(
        "POST" if bodies else "GET",
        url.removeprefix("http://127.0.0.1:3000"),
        content=bodies[0].encode() if bodies else None,
        headers=headers,
    )
    compare(json.loads(shown), answer.json())


def test_every_request_of_the_guide_is_sent() -> None:
    requests = [
        example
        for example in examples(GUIDE, "sh")
        if example.text.startswith("curl") and example.why_not_run is None
    ]
    assert len(EXAMPLES) == len(requests) == 8


def compare(shown: Any, answered: Any) -> None:
    """Compare, numbers but for their last digits; an ellipsis stands for any text."""
    if isinstance(shown, dict):
        assert list(answered) == list(shown)
        for key, value in shown.items():
            compare(value, answered[key])
    elif isinstance(shown, list):
        assert len(answered) == len(shown)
        for one, other in zip(shown, answered, strict=True):
            compare(one, other)
    elif shown == "…":
        assert isinstance(answered, str)
    else:
        assert answered == (pytest.approx(shown, rel=1e-6) if isinstance(shown, float) else shown)
