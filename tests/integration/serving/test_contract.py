"""The service obeys `/openapi.json`: schemathesis sends what the document allows and what it forbids,
follows its links, and compares every answer with it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from serving.access.access import Access
from serving.health import Health
from serving.served.follower import ModelFollower
from serving.service import make_asgi
from serving.settings import ServingSettings
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT
from tests.builders.raw_http import HOST, running

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

PHASES = {"examples", "coverage", "fuzzing", "stateful"}
OPERATIONS = {
    *("POST /v1/predictions", "POST /v1/customers/view", "POST /v1/events"),
    *("POST /v1/consents", "POST /v1/outcomes"),
    *("GET /v1/campaigns", "POST /v1/campaigns/approve", "POST /v1/decisions/check"),
    *("POST /v1/campaigns/measure", "GET /v1/jobs"),
    *("GET /v1/scores", "GET /v1/models"),
}


@pytest.fixture(scope="module")
def address(operator_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service answers, over a home of its own."""
    folder = tmp_path_factory.mktemp("contract")
    home = Home(Path(shutil.copytree(operator_home.root, folder / "home")))
    follower = ModelFollower(home, OnlineSettings(), clock_at(NIGHT))
    settings = ServingSettings()
    access = Access(home, system_clock, settings.requests_per_minute)
    app = make_asgi(follower, Health(follower), access, settings)
    with running(app, folder) as server:
        yield f"http://{HOST}:{server.port}"


def test_every_answer_is_as_the_document_says(address: str, is_proof: bool) -> None:
    seen, tested, faults = set(), set(), []
    config = SchemathesisConfig.from_dict(_config(100 if is_proof else 4))
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            faults.append(str(event))
        elif isinstance(event, events.ScenarioFinished):
            seen.add(event.phase.value)
            for case in event.recorder.cases.values():
                tested.add(case.value.operation.label)
            faults += [
                f"{check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
                for checks in event.recorder.checks.values()
                for check in checks
                if check.status == Status.FAILURE and check.failure_info is not None
            ]
    assert not faults, "\n\n".join(faults)
    assert seen == PHASES
    assert tested == OPERATIONS


def _config(examples: int) -> dict[str, Any]:
    """Settings of schemathesis: all phases and checks, the same draws each time."""
    accepted = ["2xx", "401", "403", "409", "410"]
    return {
        "seed": 12,
        "continue-on-failure": True,
        "generation": {
            "max-examples": examples,
            "deterministic": True,
            "database": "none",
            "no-shrink": True,
        },
        "checks": {
            # What rows hold, which cursors there are and which horizons a model has is beyond a
            # schema; everything else that it allows is accepted.
            "positive_data_acceptance": {"expected-statuses": [*accepted, "422"]},
        },
        "operations": [
            {
                "include-operation-id": name,
                "checks": {"positive_data_acceptance": {"expected-statuses": accepted}},
            }
            for name in ("view", "models")
        ],
    }
