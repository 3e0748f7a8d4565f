"""The service from start to stop: readiness, new champions, damage, and a process of its own."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest

from features.encoding.encoding import Encoding
from features.flat.repository import SERVICE, VIEW, TableRepository, snapshot_time
from features.online.service import online_directory
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from holdfast.errors import ModelError
from holdfast.home import Home
from models.scorer import Scorer
from serving.health import Health
from serving.process.supervisor import UnusableError
from serving.served.follower import ModelFollower
from serving.server import run
from tests.builders.clocks import clock_at
from tests.builders.served_home import (
    MOMENT,
    ROWS,
    Built,
    predict,
    problem,
    refuse,
    register,
    serving,
    trained,
    wait_for,
)


def test_readiness_follows_the_store_and_the_end(copied: Built) -> None:
    follower = ModelFollower(copied.home, OnlineSettings(), clock_at(MOMENT))
    health = Health(follower)
    assert not health.is_ready()
    with serving(follower, health=health) as caller:
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


def test_a_new_champion_is_served_without_a_restart_and_a_broken_one_is_not(
    copied: Built, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(
        ModelFollower(copied.home, OnlineSettings(), clock_at(MOMENT)), reload_seconds=0.1
    ) as asked:

        def served() -> str:
            return (
                predict(asked, {"customer_ids": ["00001"], "reasons": 0})["predictions"][0][
                    "version"
                ]
                or ""
            )

        first = predict(asked, {"customer_ids": copied.ids, "reasons": 0})
        better = trained(copied.encoding, copied.matrix, copied.table, seed=20)
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
    with serving(
        ModelFollower(copied.home, OnlineSettings(), clock_at(MOMENT)), reload_seconds=3600
    ) as caller:
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
    follower = ModelFollower(copied.home, OnlineSettings(), clock_at(MOMENT))
    follower.refresh()
    read = follower.current().models["churn"].online.reader.read
    together = threading.Barrier(32)

    def lost(_: int) -> int:
        together.wait()
        return sum(np.isnat(read(["00001"])[1][0]) for _ in range(20))

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


def test_what_does_not_work_in_workers_is_said_in_one_line(
    copied: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    _cut_booster(copied.home)
    with pytest.raises(UnusableError) as refused:
        run(copied.home, "127.0.0.1", 0, workers=2)
    assert "booster.txt: is damaged" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert refused.value.exit_code == 2
    assert "serves" not in capsys.readouterr().err
    assert multiprocessing.active_children() == []


def test_a_process_serves_and_on_sigterm_turns_unready_before_it_leaves(built: Built) -> None:
    program = (
        "import sys; from pathlib import Path; from holdfast.home import Home; from serving.server import run\n"
        "run(Home(Path(sys.argv[1])), '127.0.0.1', 0)"
    )
    environment = os.environ | {
        "HOLDFAST_SERVING_DRAIN_SECONDS": "4",
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
            announced, _, address = line.strip().rpartition(" ")
            assert announced == "holdfast serves churn version 1 on"
            with httpx.Client(base_url=address) as caller:
                assert caller.get("/readyz").status_code == 200
                assert (
                    caller.post("/v1/predictions", json={"customer_ids": ["00001"]}).status_code
                    == 200
                )
                process.send_signal(signal.SIGTERM)
                # Asked after it has left, it would refuse the connection.
                wait_for(lambda: caller.get("/readyz").status_code == 503)
                assert (
                    caller.post("/v1/predictions", json={"customer_ids": ["00001"]}).status_code
                    == 200
                )
            assert process.wait(timeout=60) == 0
            assert process.stdout is not None
            assert process.stdout.read() == ""
        finally:
            process.kill()


def test_a_store_that_was_cut_is_not_ready_and_a_new_one_is_taken_up(copied: Built) -> None:
    follower = ModelFollower(copied.home, OnlineSettings(), clock_at(MOMENT))
    with serving(follower, reload_seconds=3600) as caller:
        predict(caller, {"customer_ids": ["00001"]})
        directory = online_directory(copied.home.features)
        whole = shutil.copytree(directory, directory.with_name("backup"))
        os.truncate(directory / "data.mdb", 16_384)
        problem(caller.get("/readyz"), 503)
        assert refuse(caller, {"customer_ids": ["00001"]}, 503)
        assert caller.get("/livez").status_code == 200
        shutil.rmtree(directory)
        whole.rename(directory)
        predict(caller, {"customer_ids": ["00001"]})
        assert caller.get("/readyz").status_code == 200
