"""The figures of all servers, side by side, for each kind of request."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.report import show
from benchmarks.serving.customers import make_customers
from benchmarks.serving.events import MOST_P99_MS, measure_events
from benchmarks.serving.figures import comparison_rows, figures
from benchmarks.serving.load import load_process
from benchmarks.serving.measure import Measurement
from benchmarks.serving.plain_files import write_mlflow_model, write_plain_files
from benchmarks.serving.servers import Servers
from benchmarks.serving.turns import REASONS, TOGETHER, Turns
from benchmarks.tabular.cases import cases
from holdfast.home import Home

_CUSTOMERS = 3_000
_PLAIN_STACK = "plain stack"
_MLFLOW_FRAME = "mlflow models serve, data frame"
_MLFLOW_ARRAY = "mlflow models serve, array"


def main() -> None:
    """Measure and print."""
    data = Path(os.environ.get("HOLDFAST_REAL_DATA", "../shared/data"))
    case = next(case for case in cases(data) if case.name == "IBM telco")
    with tempfile.TemporaryDirectory() as directory, load_process() as pool:
        folder = Path(directory)
        servers = Servers(Home(folder / "home"), folder / "plain", folder / "mlflow", folder)
        customers = make_customers(case, servers.home, _CUSTOMERS)
        write_plain_files(servers.home, customers.scorer.version, servers.plain_files)
        write_mlflow_model(customers.scorer.version, servers.mlflow_model)
        turns = Turns(pool, servers, customers)
        one, together, changed = turns.holdfast()
        with_reasons, without = turns.holdfast_nothing_kept()
        plain_one, plain_together = turns.plain_stack()
        frame, array = turns.mlflow()
        events = measure_events(pool, folder)
    plain = {_PLAIN_STACK: plain_one}
    mlflow = {_MLFLOW_FRAME: frame, _MLFLOW_ARRAY: array}
    _show(f"One unchanged id, {REASONS} reasons", one, plain | mlflow, (50, 10, 10))
    _show(
        f"{TOGETHER} unchanged ids, {REASONS} reasons each",
        together,
        {_PLAIN_STACK: plain_together},
        (20,),
    )
    _show(f"One changed id, {REASONS} reasons", changed, plain, (12,))
    _show(f"One id, nothing kept, {REASONS} reasons", with_reasons, plain, (12,))
    _show("One id, nothing kept, no reasons", without, mlflow, (3, 3))
    show(
        "An event in, and a fresh score out: two requests",
        [figures("holdfast", one) | {"p99_ms at most": MOST_P99_MS} for one in events],
    )


def _show(
    kind: str,
    ours: list[Measurement],
    others: Mapping[str, list[Measurement]],
    targets: tuple[float, ...],
) -> None:
    show(kind, comparison_rows(ours, others, targets))
