import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from holdfast.errors import InputError
from serving.access.caller import Caller, set_caller
from serving.access.scope import KeyScope
from serving.request_log import (
    WAIT_SECONDS,
    RequestLogMiddleware,
    note_items,
    request_log,
)
from tests.builders.clocks import NOW, clock_at

SECRET = "holdfast_0123456789ab_s3cret"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "log" / "requests.jsonl"
    with request_log(path, fall_back=False):
        yield path


def ask(path: str = "/v1/predictions", method: str = "POST", status: int | None = 200) -> None:
    """One request through the log, to a route that says what it is about."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        set_caller(scope, Caller.of_key("crm", frozenset({KeyScope.PREDICTIONS_SERVICE})))
        note_items(scope, 3)
        if status is None:
            raise ConnectionError
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"customer_ids": ["C0000007"]}'}

    async def send(message: Message) -> None:
        pass

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"customer=C0000007",
        "headers": [(b"authorization", f"Bearer {SECRET}".encode())],
        "request_id": "r1",
    }
    logged = RequestLogMiddleware(app, clock_at(), {"/v1/predictions"})

    async def written() -> None:
        with suppress(*([ConnectionError] if status is None else [])):
            await logged(scope, receive, send)
        await asyncio.sleep(2 * WAIT_SECONDS)

    asyncio.run(written())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_says_who_asked_what_kind_of_thing_and_how_much(log: Path) -> None:
    ask()
    (line,) = lines(log)
    assert line.pop("milliseconds") >= 0
    assert line == {
        "time": NOW.isoformat(timespec="milliseconds"),
        "request_id": "r1",
        "key": "crm",
        "purpose": "service",
        "method": "POST",
        "path": "/v1/predictions",
        "items": 3,
        "status": 200,
    }


def test_nothing_that_a_caller_wrote_is_in_it(log: Path) -> None:
    ask()
    ask(path="/v1/customers/C0000007", method="C0000007", status=404)
    written = log.read_text(encoding="utf-8")
    assert "C0000007" not in written
    assert "s3cret" not in written
    assert (lines(log)[1]["path"], lines(log)[1]["method"]) == (None, None)


def test_probes_are_left_out_and_a_caller_who_left_is_not(log: Path) -> None:
    ask(path="/livez")
    ask(status=None)
    assert [line["status"] for line in lines(log)] == [None]


def test_a_file_that_was_moved_away_is_begun_anew(log: Path) -> None:
    ask()
    log.rename(log.with_suffix(".1"))
    ask()
    assert len(lines(log)) == len(lines(log.with_suffix(".1"))) == 1


def test_lines_wait_for_a_moment_and_for_the_end_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"

    async def add() -> None:
        for number in range(100):
            file.add(b"%d\n" % number)
        assert path.read_bytes() == b""

    with request_log(path, fall_back=False) as file:
        asyncio.run(add())
    assert path.read_text().split() == [str(number) for number in range(100)]


def test_a_full_disk_stops_no_request(
    log: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, file: object) -> bool:
        raise OSError("No space left on device")

    monkeypatch.setattr("serving.request_log._was_moved", full)
    ask()
    assert "cannot write the request log: No space left on device" in caplog.text
    monkeypatch.undo()
    ask()
    assert len(lines(log)) == 1


def test_a_file_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        pytest.raises(InputError, match="HOLDFAST_SERVING_REQUEST_LOG"),
        request_log(tmp_path, fall_back=False),
    ):
        pass
    with request_log(tmp_path, fall_back=True):
        ask()
    assert "goes to standard error" in caplog.text
    # Other handlers may have written before it.
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["key"] == "crm"
