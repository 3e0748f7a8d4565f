"""A run may be killed at any moment: what is there goes on working, and the next run completes."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from features.flat.customers import Roles
from features.online import service as online
from features.online.settings import OnlineSettings
from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import load_champion
from models.scorer import Scorer
from tests.builders.processes import processes


def _run(table: Path, home: Path) -> None:
    from pipeline.quickstart import quickstart
    from tests.builders.clocks import clock_at
    from training.settings import TrainingConfig, TrainingSettings

    fitting = TrainingSettings(max_rounds=20, folds=2, repeats=1, inner_folds=2)
    config = TrainingConfig(fitting=fitting)
    roles = Roles(target="left", id="customer")
    quickstart(table, roles, Home(home), config, clock=clock_at())


def _tables(table: pa.Table, directory: Path) -> Iterator[Path]:
    position = table.column_names.index("Contract")
    for number in count():
        contracts = [
            f"{10_000 - number}" if row % 20 == 0 else value
            for row, value in enumerate(table["Contract"].to_pylist())
        ]
        path = directory / f"{number}.csv"
        pa_csv.write_csv(table.set_column(position, "Contract", pa.array(contracts)), path)
        yield path


def _serves_what_it_was_trained_on(home: Home) -> int:
    champion = load_champion(home, TABLE_CHURN)
    service = online.open_service(home, champion.model.service, OnlineSettings())
    matrix, times = online.read(service, [f"{number:05d}" for number in range(400)])
    assert service.features == champion.model.features
    assert not np.isnat(times).any()
    for read_by, known_as in zip(
        service.encoding.columns, champion.model.documents["encoding.json"], strict=True
    ):
        # What the model calls a category, the store calls so too; the store may know more.
        assert list(read_by.categories[: len(known_as["categories"])]) == known_as["categories"]
    assert np.isfinite(Scorer(champion.model, threads=1).score(matrix).probability).all()
    assert pq.read_table(home.scores).num_rows == 400
    assert home.report.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert home.care_list.read_text(encoding="utf-8-sig").startswith("rank,customer_id")
    return int(champion.number)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_killed_at_any_moment_the_home_serves_and_the_next_run_completes(
    tmp_path: Path, customer_table: Callable[..., pa.Table], proof_draws: Callable[[int], int]
) -> None:
    context = processes("tests.builders.preloaded")
    home = Home(tmp_path / "home")
    tables = _tables(customer_table(400), tmp_path)

    def run(kill_after_seconds: float | None) -> int:
        # Every run brings a category that sorts before all others and that no run before it had.
        process = context.Process(target=_run, args=(next(tables), home.root))
        process.start()
        process.join(kill_after_seconds)
        if process.exitcode is None:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
        return process.exitcode or 0

    draw = random.Random(20260101)
    run(kill_after_seconds=1.0)
    started = time.monotonic()
    assert run(kill_after_seconds=None) == 0
    whole_seconds = time.monotonic() - started
    newest = _serves_what_it_was_trained_on(home)
    killed = 0
    for _ in range(proof_draws(100)):
        killed += run(kill_after_seconds=draw.uniform(0, whole_seconds)) != 0
        number = _serves_what_it_was_trained_on(home)
        assert number >= newest
        newest = number
    assert killed
    assert run(kill_after_seconds=None) == 0
    assert _serves_what_it_was_trained_on(home) > newest
    champion = load_champion(home, TABLE_CHURN)
    stored_scores = pq.read_table(home.scores).to_pydict()
    matrix, _ = online.read(
        online.open_service(home, champion.model.service, OnlineSettings()),
        stored_scores["customer_id"],
    )
    assert (
        Scorer(champion.model, threads=1).score(matrix).probability.tolist()
        == stored_scores["probability"]
    )
