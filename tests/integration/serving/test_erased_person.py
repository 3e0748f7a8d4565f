"""A person erased by another process while the service runs: no answer knows them from then on."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from features.live.held import find_held
from features.online.service import OPERATOR_DIRECTORY, online_directory
from holdfast.home import Home
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT, ONLINE
from tests.builders.processes import processes
from tests.builders.served_home import predict, serving

PERSON, OTHER = "000179", "000286"


@pytest.fixture
def home(operator_home: Home, tmp_path: Path) -> Home:
    """The scored operator's home again, to be changed."""
    return Home(Path(shutil.copytree(operator_home.root, tmp_path / "home")))


def _erase(home: Path, person: str, told: Path) -> None:
    os.environ["HOLDFAST_HOME"] = str(home)
    from commands.main import app

    result = CliRunner().invoke(app, ["erase", person, "--yes", "--json", "--home", str(home)])
    told.write_text(result.stdout if result.exit_code == 0 else result.output)


def events_of(person: str) -> list[dict[str, Any]]:
    times = {"happened_at": "2025-05-04T01:00:00+00:00", "arrived_at": "2025-05-04T02:00:00+00:00"}
    consent = {"customer_id": person, "purpose": "surveys", "channel": "app", "state": "granted"}
    line = {
        "subscription_id": "S-NEW",
        "customer_id": person,
        "product_line": "mobile",
        "billing_type": "prepaid",
        "status": "active",
        "activated_at": times["happened_at"],
    }
    return [
        {"event_id": f"e-{person}", "table": "consents", "row": consent | times},
        {"event_id": "e-held", "table": "subscriptions", "row": line | times},
    ]


class Asked:
    """What the service says of a person, on all ways that it can be asked."""

    def __init__(self, caller: TestClient) -> None:
        self._caller = caller

    def predictions(self, person: str) -> list[dict[str, Any]]:
        answer = predict(self._caller, {"customer_ids": [person], "reasons": 2})
        return [dict(one) for one in answer["predictions"]]

    def view(self, person: str) -> dict[str, Any]:
        body = {"customer_ids": [person]}
        answer = self._caller.post("/v1/customers/view", json=body)
        (one,) = answer.json()["customers"]
        return dict(one)

    def scores(self) -> str:
        path, pages = "/v1/scores", ""
        for _ in range(100):
            answer = self._caller.get(path)
            assert answer.status_code == 200, answer.text
            pages += answer.text
            document = answer.json()
            if not document["more"]:
                break
            path = f"/v1/scores?since={document['next']}"
        return pages

    def send(self, person: str, key: str) -> Any:
        return self._caller.post(
            "/v1/events",
            json={"events": events_of(person)},
            headers={"Idempotency-Key": key},
        )


def test_no_answer_knows_a_person_who_was_erased_while_the_service_ran(
    home: Home, tmp_path: Path
) -> None:
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        asked = Asked(caller)
        sent = asked.send(PERSON, "k-1")
        assert sent.status_code == 200, sent.text
        assert [one["status"] for one in sent.json()["events"]] == ["taken", "held"]
        assert any(one["probability"] is not None for one in asked.predictions(PERSON))
        others = asked.predictions(OTHER), asked.view(OTHER)["facts"]
        lines = {one["subscription_id"] for one in asked.view(PERSON)["subscriptions"]}
        assert lines
        assert f'"{PERSON}"' in asked.scores()
        process = processes("tests.builders.preloaded").Process(
            target=_erase, args=(home.root, PERSON, tmp_path / "told")
        )
        process.start()
        process.join()
        erased = json.loads((tmp_path / "told").read_text())
        assert (erased["people"], erased["findings"]) == (1, [])
        assert erased["rows"]["online"] > 0
        assert erased["rows"]["requests"] > 0
        # Kept answers, records, the feed, held events and what was remembered of requests.
        (unknown,) = {one["error"] and one["error"]["code"] for one in asked.predictions(PERSON)}
        assert unknown == "unknown_customer"
        assert asked.view(PERSON)["error"]["code"] == "unknown_customer"
        for line in lines:
            answer = predict(caller, {"subscription_ids": [line]})
            assert all(one["probability"] is None for one in answer["predictions"])
        pages = asked.scores()
        assert all(f'"{one}"' not in pages for one in (PERSON, *lines))
        assert find_held(online_directory(home.features / OPERATOR_DIRECTORY)).events == 0
        again = asked.send(PERSON, "k-1")
        assert {one["status"] for one in again.json()["events"]} == {"erased"}
        assert (asked.predictions(OTHER), asked.view(OTHER)["facts"]) == others
