"""A small home that is built for real, the service over it, and callers that check its answers."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import lightgbm as lgb
import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from features.encoding.encoding import Encoding, infer_encoding
from features.encoding.ranges import RANGES, ranges_of
from features.flat.repository import SERVICE, TableRepository, snapshot_time
from holdfast.arrays import Floats
from holdfast.clock import system_clock
from holdfast.home import Home
from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.registry import MODEL_DIGEST
from models.version import HorizonModel, ModelVersion
from serving.access.access import Access
from serving.contract.predictions import PredictionsAnswer, ProblemDocument
from serving.health import Health
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.served.follower import ModelFollower
from serving.service import make_service
from serving.settings import ServingSettings
from tests.builders.registry import registry_client

ROWS = 300
TARGET = "left"
ID = "customer"
MOMENT = datetime(2024, 6, 1, 12, 30, tzinfo=UTC)
MARGIN_SLOPE, MARGIN_INTERCEPT = 0.9, -0.1


@dataclass(frozen=True)
class Built:
    """A home, and what it was built from."""

    home: Home
    table: pa.Table
    encoding: Encoding
    matrix: Floats
    version: ModelVersion

    @property
    def ids(self) -> list[str]:
        ids: list[str] = self.table[ID].to_pylist()
        return ids


def build_home(home: Home, table: pa.Table) -> Built:
    """Features, and a model that is the champion, of a customer table."""
    encoding = infer_encoding(
        table, [name for name in table.column_names if name not in (ID, TARGET, "margin")]
    )
    matrix = encoding.encode(table)
    repository = TableRepository(home)
    repository.write(encoding, table[ID].to_pylist(), snapshot_time(MOMENT, ROWS), matrix)
    repository.materialize()
    version = trained(encoding, matrix, table, seed=1)
    register(home, version)
    return Built(home, table, encoding, matrix, version)


def trained(encoding: Encoding, matrix: Floats, table: pa.Table, seed: int) -> ModelVersion:
    label = np.array([float(value == "yes") for value in table[TARGET].to_pylist()])
    parameters = {
        "objective": "binary",
        "num_leaves": 7,
        "min_data_in_leaf": 5,
        "verbose": -1,
        "num_threads": 1,
        "seed": seed,
    }
    categories = [column.feature for column in encoding.columns if column.kind == "category"]
    data = lgb.Dataset(
        matrix, label=label, feature_name=list(encoding.features), categorical_feature=categories
    )
    return ModelVersion(
        name="churn",
        service=SERVICE,
        features=encoding.features,
        horizon_models=(
            HorizonModel.plain(
                [lgb.train(parameters, data, num_boost_round=10 + seed)],
                PlattCalibration(slope=MARGIN_SLOPE, intercept=MARGIN_INTERCEPT),
                BandBounds(high=0.5, medium=0.25),
            ),
        ),
        documents={
            "encoding.json": encoding.to_json(),
            "columns.json": {"id": ID, "columns": table.column_names},
            RANGES: ranges_of(matrix, encoding.features),
        },
    )


def register(home: Home, version: ModelVersion) -> str:
    """Save a version and make it the champion."""
    client = registry_client(home)
    if not client.search_registered_models():
        client.create_registered_model("churn")
    number = str(len(client.search_model_versions("name='churn'")) + 1)
    directory = home.artifacts / "models" / number
    digest = version.save(directory)
    client.create_model_version("churn", source=directory.as_uri(), tags={MODEL_DIGEST: digest})
    client.set_registered_model_alias("churn", "champion", number)
    return number


@contextmanager
def serving(
    follower: ModelFollower,
    *,
    health: Health | None = None,
    client: str = "127.0.0.1",
    metrics: Metrics = NO_METRICS,
    **chosen: Any,
) -> Iterator[TestClient]:
    """The whole BentoML application, started, and a caller on this machine."""
    settings = ServingSettings(**chosen)
    access = Access(follower.home, system_clock, settings.requests_per_minute)
    service = make_service(follower, health or Health(follower), access, settings, metrics)
    app = service.to_asgi(is_main=False)
    with TestClient(
        app, base_url="http://127.0.0.1:3000", client=(client, 50_000), raise_server_exceptions=True
    ) as caller:
        yield caller


def predict(caller: TestClient, request: object, **headers: str) -> PredictionsAnswer:
    """An answer, checked against the contract."""
    response = caller.post("/v1/predictions", json=request, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    answer: PredictionsAnswer = TypeAdapter(PredictionsAnswer).validate_json(
        response.content, strict=True, extra="forbid"
    )
    return answer


def send(caller: TestClient, body: bytes | str | Iterator[bytes]) -> httpx.Response:
    """The response to a body of any kind that is declared as JSON."""
    return caller.post(
        "/v1/predictions", content=body, headers={"Content-Type": "application/json"}
    )


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """A problem document, checked against the contract."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    TypeAdapter(ProblemDocument).validate_python(document, strict=True, extra="forbid")
    assert document["status"] == status
    return document


def refuse(caller: TestClient, request: object, status: int = 422) -> dict[str, Any]:
    """The problem that a request is refused with."""
    return problem(caller.post("/v1/predictions", json=request), status)


def raw_rows(built: Built) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = built.table.to_pylist()
    return rows


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
