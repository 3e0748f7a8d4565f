"""A home that the service may not write, and that somebody else does write meanwhile."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from features.flat.repository import VIEW, snapshot_time
from features.online.service import online_directory
from features.packed.store import PackedStore
from holdfast.clock import system_clock
from models.scorer import Scorer
from serving.access.database import open_requests
from serving.access.key_store import KeyStore
from serving.access.scope import KeyScope
from tests.builders.served_home import MOMENT, Built, register, trained, wait_for

_READ = """
import sys
from pathlib import Path
import lmdb
from features.packed.environment import PackedEnvironment
from features.packed.store_file import StoreFile
from holdfast.errors import ModelError

directory = Path(sys.argv[1])
opened = lmdb.open(str(directory), max_dbs=9, readonly=True, lock=False)
environment = PackedEnvironment(opened, StoreFile(directory / "data.mdb"), locks=False)
try:
    with environment.reading():
        print("reading", flush=True)
        sys.stdin.readline()
    print("read")
except ModelError as error:
    print(error)
"""


def without_writing(home: Path) -> list[str]:
    """What to put before a command so that it cannot write in a home that this process can."""
    if os.geteuid() != 0:
        pytest.skip("takes the right to write away from root alone")
    mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    mounted = ["unshare", "--mount", "sh", "-c", mount, str(home)]
    if shutil.which("unshare") is None or subprocess.call([*mounted, "true"]) != 0:
        pytest.skip("needs `unshare` and the right to mount")
    return mounted


@contextmanager
def service(built: Built) -> Iterator[httpx.Client]:
    command = [sys.executable, "-m", "commands.main", "serve", "--port", "0", "--home"]
    environment = {
        **os.environ,
        "HOLDFAST_SERVING_RELOAD_SECONDS": "0.2",
        "HOLDFAST_SERVING_WITHHOLD_DAYS": "3650",
    }
    with subprocess.Popen(
        [*without_writing(built.home.root), *command, str(built.home.root)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield _client(process)
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()


def _client(process: "subprocess.Popen[str]") -> httpx.Client:
    """A caller of the service once it serves, and says what it does without."""
    assert process.stderr is not None
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("holdfast serves "):
            break
    said = "".join(lines)
    assert "the request log goes to standard error" in said, said
    assert "each worker counts requests alone" in said, said
    # Nobody else reads what it logs from now on.
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return httpx.Client(base_url=lines[-1].rpartition(" ")[2].strip(), timeout=30)


@pytest.mark.parametrize("was_served", [False, True])
def test_it_serves_and_follows_whoever_writes(copied: Built, was_served: bool) -> None:
    # A copy of the home of a service that runs has the files of its open database.
    for name in () if was_served else ("requests.db", "requests.db-wal", "requests.db-shm"):
        (copied.home.access / name).unlink(missing_ok=True)
    opened = open_requests(copied.home, durable=False) if was_served else None
    issued = KeyStore(copied.home, system_clock).create(
        "crm", frozenset({KeyScope.PREDICTIONS_SERVICE, KeyScope.EVENTS})
    )
    body = {"customer_ids": ["00001"], "reasons": 0}
    with service(copied) as client:
        assert client.post("/v1/predictions", json=body).status_code == 401
        client.headers["Authorization"] = f"Bearer {issued.secret}"

        def answer() -> tuple[str, float]:
            (one,) = client.post("/v1/predictions", json=body).json()["predictions"]
            return one["version"], one["probability"]

        first = answer()
        assert first[0] == "1"
        assert client.get("/readyz").status_code == 200
        event = {"event_id": "e1", "table": "tickets", "row": {}}
        refused = client.post(
            "/v1/events", json={"events": [event]}, headers={"Idempotency-Key": "k1"}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "read_only")
        store = PackedStore(online_directory(copied.home.features))
        riskiest = int(Scorer(copied.version, threads=1).score(copied.matrix).probability.argmax())
        row = copied.matrix[[riskiest]]
        store.write(VIEW, store.columns(VIEW), ["00001"], snapshot_time(MOMENT, 1), row)
        assert answer()[1] > first[1]
        register(copied.home, trained(copied.encoding, copied.matrix, copied.table, seed=20))
        wait_for(lambda: answer()[0] == "2")
    if opened is not None:
        opened.dispose()


@pytest.mark.parametrize("writes, told", [(1, "read"), (2, "was written while it was read")])
def test_a_reading_without_locks_notices_that_it_was_overtaken(
    tmp_path: Path, writes: int, told: str
) -> None:
    store = PackedStore(tmp_path / "online", create=True)
    store.put_document("document", {})
    command = [sys.executable, "-c", _READ, str(tmp_path / "online")]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        for number in range(writes):
            store.put_document("document", {"number": number})
        output, _ = reader.communicate("\n")
    assert told in output
