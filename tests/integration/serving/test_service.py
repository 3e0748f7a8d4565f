"""The service over a small home that is built for real, asked in process; once as a process of its
own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter
from scipy.special import logit
from starlette.testclient import TestClient

from features.encoding.encoding import Encoding, infer_encoding
from features.flat.repository import SERVICE, VIEW, TableRepository, snapshot_time
from features.online.service import online_directory
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from holdfast.arrays import Floats
from holdfast.errors import ModelError
from holdfast.home import Home
from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.registry import MODEL_DIGEST
from models.scorer import Scorer
from models.version import HorizonModel, ModelVersion
from serving.champion import Champion
from serving.contract.predictions import PredictionsAnswer, ProblemDocument
from serving.health import Health
from serving.server import run
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


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, customer_table: Callable[..., pa.Table]
) -> Built:
    home = Home(tmp_path_factory.mktemp("home"))
    table = customer_table(ROWS)
    encoding = infer_encoding(
        table, [name for name in table.column_names if name not in (ID, TARGET, "margin")]
    )
    matrix = encoding.encode(table)
    repository = TableRepository(home)
    repository.write(encoding, table[ID].to_pylist(), snapshot_time(MOMENT, ROWS), matrix)
    repository.materialize()
    version = _trained(encoding, matrix, table, seed=1)
    register(home, version)
    return Built(home, table, encoding, matrix, version)


def _trained(encoding: Encoding, matrix: Floats, table: pa.Table, seed: int) -> ModelVersion:
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
                lgb.train(parameters, data, num_boost_round=10 + seed),
                PlattCalibration(slope=MARGIN_SLOPE, intercept=MARGIN_INTERCEPT),
                BandBounds(high=0.5, medium=0.25),
            ),
        ),
        documents={
            "encoding.json": encoding.to_json(),
            "columns.json": {"id": ID, "columns": table.column_names},
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


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Built:
    """The home again, to be changed."""
    shutil.copytree(built.home.root, tmp_path / "home")
    return replace(built, home=Home(tmp_path / "home"))


@contextmanager
def serving(
    champion: Champion,
    *,
    health: Health | None = None,
    client: str = "127.0.0.1",
    **chosen: Any,
) -> Iterator[TestClient]:
    """The whole BentoML application, started, and a caller on this machine."""
    service = make_service(champion, health or Health(champion), ServingSettings(**chosen))
    app = service.to_asgi(is_main=False)
    with TestClient(
        app, base_url="http://127.0.0.1:3000", client=(client, 50_000), raise_server_exceptions=True
    ) as caller:
        yield caller


@pytest.fixture(scope="module")
def caller(built: Built) -> Iterator[TestClient]:
    with serving(Champion(built.home, OnlineSettings()), max_items=500) as caller:
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


@pytest.mark.parametrize("by", ["customers", "rows"])
def test_the_service_scores_exactly_as_the_scorer_does(
    built: Built, caller: TestClient, by: str
) -> None:
    request = {"customer_ids": built.ids} if by == "customers" else {"rows": raw_rows(built)}
    answer = predict(caller, request | {"reasons": 0})
    scores = Scorer(built.version, threads=0).score(built.matrix)
    assert answer["model"] == {"name": "churn", "version": "1"}
    assert [entry["customer_id"] for entry in answer["predictions"]] == built.ids
    assert [entry["probability"] for entry in answer["predictions"]] == scores.probability.tolist()
    assert [entry["band"] for entry in answer["predictions"]] == scores.band.tolist()
    assert len(set(scores.band.tolist())) == 3
    assert {entry["error"] for entry in answer["predictions"]} == {None}
    moment = MOMENT.isoformat() if by == "customers" else None
    assert {entry["feature_time"] for entry in answer["predictions"]} == {moment}


def test_one_at_a_time_scores_as_all_together(built: Built, caller: TestClient) -> None:
    together = predict(caller, {"customer_ids": built.ids[:40], "reasons": 5})["predictions"]
    alone = [
        predict(caller, {"customer_ids": [one], "reasons": 5})["predictions"][0]
        for one in built.ids[:40]
    ]
    assert alone == together


@pytest.mark.parametrize("by", ["customers", "rows"])
def test_reasons_are_the_strongest_contributions_with_the_original_values(
    built: Built, caller: TestClient, by: str
) -> None:
    request = {"customer_ids": built.ids} if by == "customers" else {"rows": raw_rows(built)}
    answer = predict(caller, request)["predictions"]
    explanation = Scorer(built.version, threads=0).explain(built.matrix)
    for entry, base, moved, row in zip(
        answer, explanation.base.tolist(), explanation.contributions, raw_rows(built), strict=True
    ):
        assert len(entry["reasons"]) == 3
        assert entry["base"] == base
        assert [reason["contribution"] for reason in entry["reasons"]] == sorted(
            moved, key=abs, reverse=True
        )[:3]
        for reason in entry["reasons"]:
            position = [column.name for column in built.encoding.columns].index(reason["feature"])
            assert reason["contribution"] == moved[position]
            assert reason["value"] == row[reason["feature"]]


def test_base_and_all_contributions_make_up_the_probability(
    built: Built, caller: TestClient
) -> None:
    for entry in predict(caller, {"customer_ids": built.ids[:50], "reasons": 100})["predictions"]:
        assert {reason["feature"] for reason in entry["reasons"]} == {
            column.name for column in built.encoding.columns
        }
        assert entry["base"] is not None
        margin = entry["base"] + sum(reason["contribution"] for reason in entry["reasons"])
        assert MARGIN_SLOPE * margin + MARGIN_INTERCEPT == pytest.approx(
            logit(entry["probability"]), abs=1e-9
        )


def test_an_unknown_customer_fails_alone_and_order_and_repeats_are_kept(
    built: Built, caller: TestClient
) -> None:
    asked = ["00007", "nobody", "00001", "", "00007", "7", "x" * 600]
    answer = predict(caller, {"customer_ids": asked, "reasons": 1})["predictions"]
    assert [entry["customer_id"] for entry in answer] == asked
    assert [entry["error"] is None for entry in answer] == [
        True,
        False,
        True,
        False,
        True,
        False,
        False,
    ]
    assert answer[0] == answer[4] != answer[2]
    assert answer[1] == {
        "customer_id": "nobody",
        "probability": None,
        "band": None,
        "base": None,
        "reasons": [],
        "feature_time": None,
        "unseen": [],
        "error": "no such customer in the feature store",
    }


def test_only_unknown_customers_are_an_answer_too(caller: TestClient) -> None:
    answer = predict(caller, {"customer_ids": ["a", "b"], "reasons": 3})["predictions"]
    assert [entry["probability"] for entry in answer] == [None, None]


def test_without_reasons_the_base_is_there_all_the_same(built: Built, caller: TestClient) -> None:
    (entry,) = predict(caller, {"customer_ids": ["00001"], "reasons": 0})["predictions"]
    assert entry["reasons"] == []
    assert entry["base"] == Scorer(built.version, threads=1).base(built.matrix[:1])[0]


def test_a_row_need_not_be_whole(built: Built, caller: TestClient) -> None:
    rows = [{"Contract": "monthly"}, {"套餐": "never seen", "left": "yes", "margin": "any"}]
    answer = predict(caller, {"rows": rows})["predictions"]
    expected = np.full((2, len(built.version.features)), np.nan)
    expected[0, 0] = built.encoding.columns[0].encode_value("monthly")
    assert [entry["probability"] for entry in answer] == Scorer(built.version, threads=1).score(
        expected
    ).probability.tolist()
    assert [entry["customer_id"] for entry in answer] == [None, None]


def test_a_row_of_text_scores_as_the_row_of_numbers(built: Built, caller: TestClient) -> None:
    rows = raw_rows(built)[:30]
    text = [
        {name: None if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    assert predict(caller, {"rows": text}) == predict(caller, {"rows": rows})


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        ({"customer_ids": [7]}, "customer_ids[0]"),
        ({"customer_ids": []}, "customer_ids"),
        ({"customer_ids": ["a"] * 501}, "customer_ids"),
        ({"customer_ids": ["a"], "rows": [{}]}, "customer_ids, rows"),
        ({}, "customer_ids, rows"),
        ([], "body"),
        ({"customer_ids": ["a"], "reasons": True}, "reasons"),
        ({"customer_ids": ["a"], "reasons": 101}, "reasons"),
        ({"customer_ids": ["a"], "why": 1}, "why"),
        ({"rows": [{"Contract": "yearly"}, {"Contract": "yearly", "Foo": 1}]}, "rows[1].Foo"),
        ({"rows": [{"left": "yes"}]}, "rows[0]"),
        ({"rows": [{"fee_y": "much"}]}, "rows[0].fee_y"),
        ({"rows": [{"Contract": "yearly", "customer": []}]}, "rows[0].customer"),
    ],
)
def test_a_wrong_field_is_named(caller: TestClient, request_body: object, field: str) -> None:
    document = refuse(caller, request_body)
    assert [error["field"] for error in document["errors"]] == [field]
    assert document["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"customer_ids": ["a"], "reasons": NaN}', b'{"customer_ids": ["\xff"]}', b"a=b"],
)
def test_what_is_not_json_is_another_matter(caller: TestClient, body: bytes) -> None:
    assert "JSON" in problem(caller.post("/v1/predictions", content=body), 400)["detail"]


def test_a_million_customers_are_refused_at_once_and_the_next_is_served(
    built: Built, caller: TestClient
) -> None:
    million = json.dumps({"customer_ids": [str(number) for number in range(1_000_000)]}).encode()
    started = time.monotonic()
    problem(caller.post("/v1/predictions", content=million), 413)
    problem(caller.post("/v1/predictions", content=iter([million[:500_000]] * 3)), 413)
    with serving(Champion(built.home, OnlineSettings()), max_body_bytes=2**30) as generous:
        assert (
            problem(generous.post("/v1/predictions", content=million), 422)["errors"][0]["field"]
            == "customer_ids"
        )
    assert time.monotonic() - started < 20
    predict(caller, {"customer_ids": ["00001"]})


def test_other_paths_and_methods_are_problems_too(caller: TestClient) -> None:
    for path in ("/", "/v1", "/v2/predictions", "/metrics", "/docs"):
        problem(caller.get(path), 404)
    taken = [
        ("GET", "/v1/predictions"),
        ("OPTIONS", "/v1/predictions"),
        ("POST", "/livez"),
        ("DELETE", "/openapi.json"),
    ]
    for method, path in taken:
        assert "allow" in caller.request(method, path).headers
        problem(caller.request(method, path), 405)


def test_a_crash_says_nothing_of_the_inside(
    caller: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*arguments: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("serving.routes.predictions.predict", crash)
    assert (
        "inside"
        not in problem(caller.post("/v1/predictions", json={"customer_ids": ["00001"]}), 500)[
            "detail"
        ]
    )


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
COLUMNS = [
    "customer",
    "Contract",
    "contract",
    "dropped calls 📉",
    "套餐",
    "fee_y",
    "since",
    "margin",
    "left",
]
ROW = st.dictionaries(
    st.sampled_from(COLUMNS) | st.text(max_size=5),
    SCALARS | st.lists(SCALARS, max_size=2),
    max_size=4,
)
KNOWN_ROW = st.dictionaries(st.sampled_from(COLUMNS), SCALARS, min_size=1, max_size=4)
REASONS = st.integers(0, 100) | SCALARS
BODIES = (
    SCALARS
    | st.fixed_dictionaries(
        {"customer_ids": st.lists(st.text(max_size=6) | SCALARS, max_size=4)},
        optional={"reasons": REASONS},
    )
    | st.fixed_dictionaries(
        {"rows": st.lists(ROW, max_size=3)}, optional={"reasons": REASONS, "customer_ids": SCALARS}
    )
    | st.fixed_dictionaries({"rows": st.lists(KNOWN_ROW, min_size=1, max_size=3)})
)


@settings(max_examples=200)
@given(BODIES)
def test_any_json_is_answered_or_refused(caller: TestClient, body: object) -> None:
    response = caller.post("/v1/predictions", content=json.dumps(body))
    if response.status_code == 200:
        TypeAdapter(PredictionsAnswer).validate_json(response.content, strict=True, extra="forbid")
    else:
        problem(response, 422)


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_any_bytes_are_answered_or_refused(caller: TestClient, body: bytes) -> None:
    response = caller.post("/v1/predictions", content=body)
    assert response.status_code in (400, 422)
    problem(response, response.status_code)


def test_long_work_holds_up_nobody(
    built: Built, caller: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, done = threading.Event(), threading.Event()
    finished: list[bool] = []

    def long_work(*arguments: object) -> dict[str, object]:
        begun.set()
        finished.append(done.wait(10))
        return {}

    monkeypatch.setattr("serving.routes.predictions.predict", long_work)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(caller.post, "/v1/predictions", json={"customer_ids": built.ids})
        assert begun.wait(10)
        assert caller.get("/livez").status_code == 200
        done.set()
        assert answer.result().status_code == 200
    assert finished == [True]


def test_with_a_key_every_request_brings_it(built: Built) -> None:
    with serving(
        Champion(built.home, OnlineSettings()), api_key=SecretStr("s3cret"), client="10.1.2.3"
    ) as caller:
        assert problem(caller.post("/v1/predictions", json={}), 401)["detail"]
        assert caller.post("/v1/predictions", json={}).headers["www-authenticate"] == "Bearer"
        problem(
            caller.post("/v1/predictions", json={}, headers={"Authorization": "Bearer other"}), 401
        )
        problem(caller.get("/schema.json"), 401)
        predict(
            caller, {"customer_ids": ["00001"]}, Authorization="Bearer s3cret", Host="churn.example"
        )
        for path in ("/livez", "/readyz", "/openapi.json"):
            assert caller.get(path).status_code == 200


def test_without_a_key_no_other_machine_and_no_other_name(built: Built, caller: TestClient) -> None:
    with serving(Champion(built.home, OnlineSettings()), client="10.1.2.3") as other:
        problem(other.post("/v1/predictions", json={"customer_ids": ["00001"]}), 403)
    problem(
        caller.post(
            "/v1/predictions",
            json={"customer_ids": ["00001"]},
            headers={"Host": "evil.example:3000"},
        ),
        421,
    )
    predict(caller, {"customer_ids": ["00001"]}, Host="localhost:3000")


def test_the_published_contract_is_served(caller: TestClient) -> None:
    document = caller.get("/openapi.json").json()
    assert list(document["paths"]) == ["/v1/predictions"]
    assert (
        document["components"]["schemas"]["PredictionsRequest"]["properties"]["rows"]["maxItems"]
        == 500
    )


def test_readiness_follows_the_store_and_the_end(copied: Built) -> None:
    champion = Champion(copied.home, OnlineSettings())
    health = Health(champion)
    assert not health.is_ready()
    with serving(champion, health=health) as caller:
        assert caller.get("/readyz").status_code == caller.get("/livez").status_code == 200
        store = PackedStore(online_directory(copied.home.features))
        columns = store.columns(VIEW)
        store.drop(VIEW)
        problem(caller.get("/readyz"), 503)
        assert refuse(caller, {"customer_ids": ["00001"]}, 503)
        assert caller.get("/livez").status_code == 200
        store.write(VIEW, columns, copied.ids, snapshot_time(MOMENT, ROWS), copied.matrix)
        assert caller.get("/readyz").status_code == 200
        health.stopping = True
        problem(caller.get("/readyz"), 503)
        assert caller.get("/livez").status_code == 200
        predict(caller, {"customer_ids": ["00001"]})


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_new_champion_is_served_without_a_restart_and_a_broken_one_is_not(
    copied: Built, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Champion(copied.home, OnlineSettings()), reload_seconds=0.1) as asked:

        def served() -> str:
            return predict(asked, {"customer_ids": ["00001"], "reasons": 0})["model"]["version"]

        first = predict(asked, {"customer_ids": copied.ids, "reasons": 0})
        better = _trained(copied.encoding, copied.matrix, copied.table, seed=20)
        assert register(copied.home, better) == "2"
        wait_for(lambda: served() == "2")
        second = predict(asked, {"customer_ids": copied.ids, "reasons": 0})
        expected = Scorer(better, threads=1).score(copied.matrix).probability.tolist()
        assert [entry["probability"] for entry in second["predictions"]] == expected
        assert first["predictions"] != second["predictions"]

        broken = replace(better, documents={"columns.json": better.documents["columns.json"]})
        assert register(copied.home, broken) == "3"
        wait_for(lambda: "encoding.json" in caplog.text)
        assert served() == "2"
        assert asked.get("/readyz").status_code == 200


def test_categories_that_came_later_are_read_at_once(copied: Built) -> None:
    with serving(Champion(copied.home, OnlineSettings()), reload_seconds=3600) as caller:
        predict(caller, {"customer_ids": ["00001"]})
        later = copied.table.slice(0, 1).set_column(1, "Contract", pa.array(["weekly"]))
        grown = copied.encoding.grown(later)
        repository = TableRepository(copied.home)
        repository.write(grown, ["00001"], snapshot_time(MOMENT, 1), grown.encode(later))
        repository.materialize()
        (entry,) = predict(caller, {"customer_ids": ["00001"], "reasons": 100})["predictions"]
        assert {reason["feature"]: reason["value"] for reason in entry["reasons"]}[
            "Contract"
        ] == "weekly"


def test_many_threads_find_every_customer(copied: Built) -> None:
    champion = Champion(copied.home, OnlineSettings())
    champion.refresh()
    together = threading.Barrier(32)

    def lost(_: int) -> int:
        together.wait()
        return sum(np.isnat(champion.current().read(["00001"])[1][0]) for _ in range(20))

    # In new threads each time: two transactions meet most often in their first reads.
    for _ in range(20):
        with ThreadPoolExecutor(32) as threads:
            assert sum(threads.map(lost, range(32))) == 0


def _cut_booster(home: Home) -> None:
    path = home.artifacts / "models" / "1" / "booster.txt"
    path.write_text(path.read_text(encoding="utf-8")[:-500], encoding="utf-8")


def _damage_registry(home: Home) -> None:
    home.tracking.write_bytes(b"no database")


def _remove(directory: str) -> Callable[[Home], None]:
    return lambda home: shutil.rmtree(home.root / directory)


def _serve_other_columns(home: Home) -> None:
    document = home.artifacts / "models" / "1" / "model.json"
    assert SERVICE in document.read_text(encoding="utf-8")
    repository = TableRepository(home)
    encoding = repository.encoding()
    fewer = Encoding(encoding.columns[1:])
    repository.write(fewer, ["00001"], snapshot_time(MOMENT, 1), np.zeros((1, len(fewer.columns))))
    repository.materialize()


def _serve_columns_in_another_order(home: Home) -> None:
    repository = TableRepository(home)
    turned = Encoding(repository.encoding().columns[::-1])
    repository.write(
        turned, ["00001"], snapshot_time(MOMENT, 1), np.zeros((1, len(turned.columns)))
    )
    repository.materialize()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_cut_booster, "booster.txt: is damaged"),
        (_damage_registry, "holds no readable champion"),
        (_remove("mlartifacts"), "model.json"),
        (_remove("features"), "holds no readable online store"),
        (
            _serve_other_columns,
            f"feature service {SERVICE}: must have the features of model churn version 1",
        ),
        (
            _serve_columns_in_another_order,
            f"feature service {SERVICE}: must have the features of model churn version 1",
        ),
    ],
)
def test_what_does_not_work_is_said_in_one_line_and_nothing_listens(
    copied: Built, damage: Callable[[Home], None], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(copied.home)
    with pytest.raises(ModelError) as refused:
        run(copied.home, "127.0.0.1", 0)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert refused.value.exit_code == 2
    assert "serves" not in capsys.readouterr().err


def test_a_process_serves_and_on_sigterm_turns_unready_before_it_leaves(built: Built) -> None:
    program = (
        "import sys; from pathlib import Path; from holdfast.home import Home; from serving.server import run\n"
        "run(Home(Path(sys.argv[1])), '127.0.0.1', 0)"
    )
    environment = os.environ | {
        "HOLDFAST_SERVING_DRAIN_SECONDS": "2",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    with subprocess.Popen(
        [sys.executable, "-c", program, str(built.home.root)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if line.startswith("holdfast"))
            told, _, address = line.strip().rpartition(" ")
            assert told == "holdfast serves churn version 1 on"
            with httpx.Client(base_url=address) as caller:
                assert caller.get("/readyz").status_code == 200
                assert (
                    caller.post("/v1/predictions", json={"customer_ids": ["00001"]}).status_code
                    == 200
                )
                process.send_signal(signal.SIGTERM)
                wait_for(lambda: caller.get("/readyz").status_code == 503, seconds=1.5)
                assert (
                    caller.post("/v1/predictions", json={"customer_ids": ["00001"]}).status_code
                    == 200
                )
            assert process.wait(timeout=20) == 0
            assert process.stdout is not None
            assert process.stdout.read() == ""
        finally:
            process.kill()
