"""A person erased where parts of the home lie on servers: records in Redis, the ledger in PostgreSQL."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from struct import pack

import pytest
import redis
from typer.testing import CliRunner

from care.consents import ConsentStatement
from care.ledger.ledger import Ledger
from commands.main import app
from features.erased.people import find_people
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from holdfast.home import Home
from pipeline.features import materialize_features
from tests.builders.ledgers import ledger_url
from tests.builders.night import NIGHT
from tests.builders.servers import REDIS_URL, require_redis

PERSON, OTHER = "000179", "000286"
IN_REDIS = OnlineSettings(online_store="redis")


@pytest.fixture
def home(night_operator: Path, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(night_operator / "home", tmp_path / "home")))


@pytest.fixture
def keys(home: Home) -> Iterator[redis.Redis]:
    """The server that the home's newest features are in, in a project of the home's own."""
    require_redis()
    server = redis.Redis.from_url(REDIS_URL)
    yield server
    for key in of_home(server, home):
        server.delete(key)


def of_home(server: redis.Redis, home: Home) -> set[bytes]:
    project = OperatorRepository(home).feast().project
    return set(server.scan_iter(b"*" + project.encode(), count=1000))


def erase(home: Home) -> dict[str, object]:
    arguments = ["erase", PERSON, "--yes", "--json", "--home", str(home.root)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_records_in_redis_are_gone_and_others_stay(
    home: Home, keys: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_ONLINE_STORE", "redis")
    materialize_features(home, IN_REDIS)
    ids = find_people([PERSON], home.raw).ids
    project = OperatorRepository(home).feast().project.encode()
    # A key ends in the id, with its length before it, and the project.
    ends = {
        kind.encode(): tuple(pack("<I", len(one)) + one.encode() + project for one in some)
        for kind, some in ids.items()
    }
    before = of_home(keys, home)
    held = {key for key in before if any(kind in key and key.endswith(ends[kind]) for kind in ends)}
    assert len(held) >= 3
    erased = erase(home)
    assert erased["findings"] == []
    assert of_home(keys, home) == before - held


def test_a_ledger_in_postgresql_forgets_whom_its_home_erases(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger_url("postgresql", tmp_path) as url:
        monkeypatch.setenv("HOLDFAST_CARE_LEDGER", url)
        ledger = Ledger(url)
        said = [
            ConsentStatement(
                customer_id=customer,
                purpose="offers",
                channel="sms",
                is_granted=True,
                happened_at=NIGHT - timedelta(days=1),
            )
            for customer in (PERSON, OTHER)
        ]
        ledger.consents.record(said, "event", NIGHT)
        out = tmp_path / "given"
        given = CliRunner().invoke(
            app, ["export", PERSON, "--out", str(out), "--home", str(home.root)]
        )
        assert given.exit_code == 0, given.output
        document = json.loads((out / "export.json").read_text())
        assert [one["customer_id"] for one in document["consents"]] == [PERSON]
        erased = erase(home)
        rows = erased["rows"]
        assert isinstance(rows, dict)
        assert rows["care"] == 1
        assert ledger.consents.about([PERSON]) == []
        assert len(ledger.consents.about([OTHER])) == 1
        ledger.close()
