"""The benchmark of the request path: its load generator, its check of answers, its ratios."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.serving.figures import comparison_rows
from benchmarks.serving.load import Call, Load, Reply, run
from benchmarks.serving.measure import Measurement, probability_questions
from benchmarks.serving.servers import holdfast_dialect

RIGHT = {"a": 0.25, "b": 0.5}


class Echo(BaseHTTPRequestHandler):
    """Answers each call with its own body; with status 503 on the path ``/full``."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if self.path == "/full" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("connections", [1, 3])
def test_every_exchange_is_made_once_and_answered_in_its_place(port: int, connections: int) -> None:
    exchanges = [(Call("/first", b"{}"), Call("/last", b"%d" % number)) for number in range(10)]
    replies = run(Load(port, exchanges, connections, seconds=60))
    assert [reply.body for reply in replies] == [b"%d" % number for number in range(10)]
    assert all(reply.milliseconds > 0 for reply in replies)


def test_no_exchange_begins_after_the_time(port: int) -> None:
    assert run(Load(port, [(Call("/", b"{}"),)], connections=1, seconds=0)) == []


def test_a_refusal_is_an_error(port: int) -> None:
    with pytest.raises(RuntimeError, match=r"503 .*busy"):
        run(Load(port, [(Call("/full", b"busy"),)], connections=1, seconds=60))


def holdfast_reply(*probabilities: float, reasons: int = 1) -> Reply:
    predictions = [{"probability": one, "reasons": [{}] * reasons} for one in probabilities]
    return Reply(1.0, json.dumps({"predictions": predictions}).encode())


def test_right_answers_pass_to_a_billionth() -> None:
    questions = probability_questions([["a", "b"], ["b"]], holdfast_dialect(3), RIGHT)
    questions.check([holdfast_reply(0.25, 0.5 + 1e-10), holdfast_reply(0.5)])
    # The time was over before the second.
    questions.check([holdfast_reply(0.25, 0.5)])


@pytest.mark.parametrize(
    "reply",
    [
        holdfast_reply(0.25, 0.5 + 1e-9),
        holdfast_reply(0.5, 0.25),
        holdfast_reply(0.25),
        holdfast_reply(),
        holdfast_reply(0.25, 0.5, reasons=0),
    ],
)
def test_a_wrong_answer_is_an_error(reply: Reply) -> None:
    questions = probability_questions([["a", "b"]], holdfast_dialect(3), RIGHT)
    with pytest.raises(RuntimeError):
        questions.check([reply])


def test_ratios_are_of_the_same_load() -> None:
    ours = [Measurement(1, 10, 0.5, 1, 2), Measurement(8, 10, 0.25, 1, 2)]
    theirs = [Measurement(1, 10, 5.0, 1, 2), Measurement(8, 10, 4.0, 1, 2)]
    rows = comparison_rows(ours, {"other": theirs}, (12,))
    assert [row["CPU, times holdfast's"] for row in rows] == ["", "", 10.0, 16.0]
    assert [row["target"] for row in rows] == ["", "", 12, 12]
