"""A small CRM: it keeps everybody's scores, asks about one customer, and sends what happens.

Python 3.11 or newer is enough. In the environment: HOLDFAST_URL, by default http://127.0.0.1:3000,
and HOLDFAST_KEY, a key with the scopes predictions:service and events.

    python crm_client.py pull scores.json            # everybody at first, then what has changed
    python crm_client.py ask 0004711                 # a subscription: its customer, and why
    python crm_client.py contact C-981 000001        # a call of a customer that has just ended
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Document = dict[str, Any]


class Refused(Exception):
    """The service has refused a request; `code` is for programs, the text for people."""

    def __init__(self, problem: Document) -> None:
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code: str = problem["code"]


class WrongUse(Exception):
    """A word of the command cannot be read; the text names it, the rule and the value."""


class Service:
    """The service of holdfast. Each request has a connection of its own, as `urllib` works: nothing
    is sent on one that the service closes.

    Parameters
    ----------
    address : str
        Such as ``http://127.0.0.1:3000``.
    key : str, optional
        An API key; a service without keys needs none.
    """

    _ATTEMPTS = 5

    def __init__(self, address: str, key: str | None = None) -> None:
        self._address = address
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def scores(self, since: str | None, limit: int) -> Document:
        """One page of scores: everybody's, or those that have changed."""
        query = {"limit": str(limit)} | ({} if since is None else {"since": since})
        return self._send("GET", f"/v1/scores?{urlencode(query)}")

    def predictions(self, **request: Any) -> list[Document]:
        """Predictions about ids, newest events included."""
        predictions: list[Document] = self._send("POST", "/v1/predictions", request)["predictions"]
        return predictions

    def events(self, *events: Document) -> list[Document]:
        """What became of events: ``taken``, or ``repeated`` where an id was sent before."""
        taken: list[Document] = self._send("POST", "/v1/events", {"events": events})["events"]
        return taken

    def _send(self, method: str, path: str, document: Document | None = None) -> Document:
        """Send a request, and again where that may help. Predictions change nothing and events count
        once by their ids, so both may be sent twice.
        """
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self._address + path, body, self._headers, method=method)
        for attempt in range(1, self._ATTEMPTS + 1):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    answered: Document = json.load(answer)
                return answered
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or attempt == self._ATTEMPTS:
                    raise Refused(json.load(error)) from None
                time.sleep(float(error.headers.get("Retry-After", 1)))
            except OSError:  # no connection, or one that broke before the answer
                if attempt == self._ATTEMPTS:
                    raise
                time.sleep(attempt)
        raise AssertionError("the last attempt answers or raises")


class Scores:
    """The scores that a CRM keeps, in a file.

    Parameters
    ----------
    path : Path
        The file; it may not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next: str | None = None
        self.kept: dict[str, Document] = {}
        if path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._next, self.kept = stored["next"], stored["scores"]

    def pull(self, service: Service, limit: int = 1000) -> int:
        """Take over everybody's scores, or what has changed since the last call; how many came."""
        received, more = 0, True
        while more:
            try:
                page = service.scores(self._next, limit)
            except Refused as refused:
                if refused.code != "cursor_expired":
                    raise
                self._next, self.kept = None, {}  # 410: begin with everybody
                continue
            for score in page["scores"]:
                self._take(score)
            received += len(page["scores"])
            self._next, more = page["next"], page["more"]
            self._save()  # whoever is stopped goes on from here
        return received

    def _take(self, score: Document) -> None:
        whom = score["subscription_id"] or score["customer_id"]
        key = f"{score['model']} {score['horizon_days']} {whom}"
        if score["change"] == "excluded":
            self.kept.pop(key, None)
        else:
            self.kept[key] = score

    def _save(self) -> None:
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"next": self._next, "scores": self.kept}), encoding="utf-8")
        beside.replace(self._path)


def contact(contact_id: str, customer_id: str, now: datetime) -> Document:
    """The event of a call about a bill that ended without a solution, by the contract of the raw table
    ``interactions``. The id of what happened makes the id of its event.
    """
    return {
        "event_id": f"contact-{contact_id}",
        "table": "interactions",
        "row": {
            "interaction_id": contact_id,
            "customer_id": customer_id,
            "channel": "phone",
            "issue": "billing",
            "resolved": False,
            "happened_at": now.isoformat(),  # with an offset from UTC
            "arrived_at": now.isoformat(),
        },
    }


_WORDS = {"pull": (1, 1), "ask": (1, 1), "contact": (2, 3)}
"""Commands, with the fewest and the most words after each."""


def main(command: str, *words: str) -> None:
    """Run one of the commands that this file's first lines show."""
    address = os.environ.get("HOLDFAST_URL", "http://127.0.0.1:3000")
    service = Service(address, os.environ.get("HOLDFAST_KEY"))
    match command:
        case "pull":
            scores = Scores(Path(words[0]))
            print(scores.pull(service), "scores received,", len(scores.kept), "kept")
        case "ask":
            for language in ("zh-Hans", "en"):
                _ask(service, words[0], language)
        case "contact":
            # A simulated operator lives in a time of its own: name it as the last word.
            now = _time(words[2]) if len(words) > 2 else datetime.now(UTC)
            for one in service.events(contact(words[0], words[1], now)):
                print(one["event_id"], one["status"])


def _ask(service: Service, subscription: str, language: str) -> None:
    predictions = service.predictions(subscription_ids=[subscription], language=language)
    if predictions and predictions[0]["customer_id"] is not None:
        print("customer", predictions[0]["customer_id"])
    for one in predictions:
        if one["error"] is not None:  # look at it before the probability
            print(subscription, one["error"]["code"], one["error"]["detail"])
            continue
        print(one["model"], one["horizon_days"], one["probability"], one["band"])
        for reason in one["reasons"]:
            print("   ", reason["text"])


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse(
            f"TIME: must be ISO 8601 with an offset, such as 2025-06-29T12:00:00+00:00 (got {text!r})"
        ) from None


if __name__ == "__main__":
    _, *given = sys.argv
    fewest, most = _WORDS.get(given[0], (0, -1)) if given else (0, -1)
    if not fewest <= len(given) - 1 <= most:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        main(*given)
    except WrongUse as wrong:
        print(wrong, file=sys.stderr)
        sys.exit(2)
    except Refused as refused:
        sys.exit(str(refused))
    except OSError as error:  # the service does not answer, or the file cannot be written
        sys.exit(f"{type(error).__name__}: {error}")
