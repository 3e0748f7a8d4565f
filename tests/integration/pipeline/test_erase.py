"""One person erased everywhere in an operator's home."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from commands.main import app
from features.erased.people import PERSON_KINDS, find_people
from features.operator.forget import packed_store
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from pipeline.features import build_features, take_in
from pipeline.night.score import score_everybody
from pipeline.privacy.erase import erase_people, finish_erasure, lift_erasure
from pipeline.privacy.search import search_home
from serving.contract.events import EventDocument
from serving.events.intake import EventIntake
from tests.builders.clocks import clock_at
from tests.builders.night import CONFIG, FEATURES, NIGHT, ONLINE
from training.evaluation.predictions import TEST_PREDICTIONS, TestPredictions

PERSON = "000179"


@pytest.fixture(scope="module")
def scored(night_operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``raw`` and ``home``, in which everybody was scored; to be copied."""
    folder = tmp_path_factory.mktemp("erase") / "operator"
    shutil.copytree(night_operator, folder)
    score_everybody(Home(folder / "home"), CONFIG, clock=clock_at(NIGHT), online=ONLINE)
    return folder


@pytest.fixture
def home(scored: Path, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(scored / "home", tmp_path / "home")))


def ids_of(home: Home, person: str = PERSON) -> dict[str, frozenset[str]]:
    ids = find_people([person], home.raw).ids
    return {kind: ids[kind] for kind in PERSON_KINDS}


def tables(home: Home) -> Iterator[tuple[Path, pa.Table]]:
    """Feature tables and scores, by path below the home."""
    for folder in (home.features / "operator" / "tables", home.score_sets):
        for path in sorted(folder.rglob("*.parquet")):
            if "feed" not in path.parts:
                yield path.relative_to(home.root), pq.read_table(path)


def without(table: pa.Table, ids: dict[str, frozenset[str]]) -> pa.Table:
    linked = {f"linked_{kind.removesuffix('_id')}": some for kind, some in ids.items()}
    for column, some in (ids | linked).items():
        if column in table.column_names:
            held = pc.is_in(table[column], pa.array(sorted(some), pa.string()))
            table = table.filter(pc.invert(held))
    return table


def test_nothing_is_left_and_everybody_else_stays_bit_for_bit(home: Home, scored: Path) -> None:
    ids, before = ids_of(home), dict(tables(home))
    assert {kind for kind in ids if ids[kind]} == set(PERSON_KINDS)
    assert search_home(home, ids)
    erased = erase_people(home, [PERSON], now=NIGHT)
    assert erased.findings == ()
    assert {"online", "raw", "features", "scores", "feed"} <= {
        place for place, rows in erased.rows.items() if rows
    }
    after = dict(tables(home))
    assert before.keys() == after.keys()
    for path, table in after.items():
        # The drawn tables give several people one contact id, so contacts are compared by theirs.
        if "contact" not in str(path):
            assert table.equals(without(before[path], ids), check_metadata=True), path
    packed = packed_store(OperatorRepository(home))
    assert packed is not None
    assert all(len(times) and str(times[0]) == "NaT" for times in _times(packed, ids))
    # An event of theirs is thrown away, and not remembered.
    bill = _recharge(sorted(ids["subscription_id"])[0])
    answer = EventIntake(home, clock_at(NIGHT)).take([bill, bill | {"event_id": "2"}])
    assert [one["status"] for one in answer["events"]] == ["erased", "erased"]
    assert search_home(home, ids) == []
    # The same old files once more: nobody comes back, and nothing goes into quarantine.
    report = take_in(home, str(scored / "raw"), now=NIGHT)
    assert sum(table.refused for table in report.tables) >= erased.rows["raw"] / 2
    assert search_home(home, ids) == []
    # And where the store is made anew, from every file.
    shutil.rmtree(home.raw)
    again = take_in(home, str(scored / "raw"), now=NIGHT)
    assert search_home(home, ids) == []
    customers = next(table for table in again.tables if table.table == "customers")
    assert customers.refused > 0
    assert customers.read == customers.accepted + customers.quarantined + customers.refused


def _recharge(line: str) -> EventDocument:
    row = {
        "subscription_id": line,
        "happened_at": "2025-05-04T01:00:00+00:00",
        "arrived_at": "2025-05-04T02:00:00+00:00",
        "amount": 10.0,
        "channel": "app",
    }
    return {"event_id": "1", "table": "recharges", "row": row}


def _times(packed: "object", ids: dict[str, frozenset[str]]) -> Iterator["object"]:
    from features.packed.store import PackedStore

    assert isinstance(packed, PackedStore)
    for view, kind in (("usage", "subscription_id"), ("consent_live", "customer_id")):
        yield packed.read(view, packed.columns(view)[:1], sorted(ids[kind]))[1]


def test_killed_at_any_place_it_is_carried_on(home: Home) -> None:
    ids = ids_of(home)
    passed: set[str] = set()

    def kill(place: str) -> None:
        if place not in passed:
            passed.add(place)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_people(home, [PERSON], now=NIGHT, failpoint=kill)
    runs = 0
    while home.erasing.exists():
        runs += 1
        with pytest.raises(KeyboardInterrupt):
            finish_erasure(home, failpoint=kill)
    assert runs == len(passed) - 1
    assert search_home(home, ids) == []
    lines = (home.root / "erasures.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["rows"]["raw"] >= 0
    assert PERSON not in lines[-1]
    known = pq.read_table(home.features / "operator" / "known" / "customers.parquet")
    # Carried on however often, what was known counts the rows that went once.
    removed = known.filter(pc.starts_with(known["file"], "removed "))
    assert len(removed) == len(set(removed["day"].to_pylist()))
    # Nothing of the past is taken for restated.
    built = build_features(home, FEATURES, now=NIGHT).build
    assert (built.built, built.restated) == ((), {})


def test_who_is_unknown_is_refused_and_nothing_changes(home: Home) -> None:
    with pytest.raises(InputError, match="must be somebody of whom the home holds a row"):
        erase_people(home, [PERSON, "nobody"], now=NIGHT)
    assert not home.erased.exists()
    dry = erase_people(home, [PERSON], now=NIGHT, dry_run=True)
    assert dry.rows["raw"] > 0
    assert not home.erased.exists()
    assert search_home(home, ids_of(home))


def test_whoever_is_lifted_is_taken_in_again(home: Home, scored: Path) -> None:
    ids = ids_of(home)
    erase_people(home, [PERSON], now=NIGHT)
    assert erase_people(home, [PERSON], now=NIGHT).already == 1
    with pytest.raises(InputError, match="must be the id of somebody who was erased"):
        lift_erasure(home, ["nobody"], now=NIGHT)
    assert lift_erasure(home, [PERSON], now=NIGHT) == 1
    take_in(home, str(scored / "raw"), now=NIGHT)
    assert ids_of(home) == ids


@pytest.mark.parametrize("place", ["files read again", "noted"])
def test_killed_lifting_is_completed_by_a_second_call(home: Home, scored: Path, place: str) -> None:
    ids = ids_of(home)
    erase_people(home, [PERSON], now=NIGHT)

    def kill(at: str) -> None:
        if at == place:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lift_erasure(home, [PERSON], now=NIGHT, failpoint=kill)
    # A night in between still refuses the person, and takes the files for read.
    take_in(home, str(scored / "raw"), now=NIGHT)
    assert "subscription_id" not in find_people([PERSON], home.raw).ids
    assert lift_erasure(home, [PERSON], now=NIGHT) == 1
    lines = (home.root / "erasures.jsonl").read_text(encoding="utf-8").splitlines()
    assert "lifted" in json.loads(lines[-1])
    take_in(home, str(scored / "raw"), now=NIGHT)
    assert ids_of(home) == ids


def test_quarantine_and_test_predictions_forget_too(home: Home, tmp_path: Path) -> None:
    (ids := ids_of(home))
    line = sorted(ids["subscription_id"])[0]
    record = json.dumps({"subscription_id": line, "amount": "x"})
    others = json.dumps({"subscription_id": f"{line}0", "amount": "x"})
    rows = [
        {"table": "recharges", "part": "a", "row": row, "faults": [], "record": text}
        for row, text in enumerate(
            [record, others, json.dumps(f"{line};broken"), json.dumps("1;2")]
        )
    ]
    from features.intake.quarantine import SCHEMA

    for path in home.quarantine.glob("*.parquet"):
        path.unlink()
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), home.quarantine / "recharges.parquet")
    import numpy as np
    import pandas as pd

    customers = np.array([PERSON, "000286"], dtype=object)
    stored = TestPredictions(
        row=np.array([1, 2], np.uint64),
        customer=pd.util.hash_array(customers),
        weight=np.ones(2),
        label={"90": np.zeros(2)},
        probability={"90": np.ones(2) / 2},
    )
    folder = next(home.artifacts.glob("*/artifacts"))
    pq.write_table(stored.to_table(), folder / TEST_PREDICTIONS)
    erased = erase_people(home, [PERSON], now=NIGHT)
    assert erased.rows["quarantine"] == 2
    assert erased.rows["test_predictions"] == 1
    left = pq.read_table(home.quarantine / "recharges.parquet")["record"].to_pylist()
    assert left == [others, json.dumps("1;2")]
    assert pq.read_table(folder / TEST_PREDICTIONS)["row"].to_pylist() == [2]
    assert tmp_path


def test_the_command_asks_and_says_what_remains(home: Home, tmp_path: Path) -> None:
    run = CliRunner().invoke
    at = ["--home", str(home.root)]
    refused = run(app, ["erase", PERSON, *at])
    assert refused.exit_code == 2
    assert "--yes" in refused.output
    assert not home.erased.exists()
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{PERSON}\n\n000286\n")
    done = run(app, ["erase", "--file", str(listed), "--yes", "--json", *at])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["people"], answer["findings"]) == (0, 2, [])
    assert answer["shared"] == [
        "an account that other customers have, too: its bills and payments stay"
    ]
    assert len(answer["remains"]) == 3
    assert run(app, ["erase", *at]).exit_code == 2
