"""Reading and planning a large delimited table: CPU and peak memory, beside DuckDB's own reader.

Run: ``python -m benchmarks.features.table_reading [--rows N] [--columns K]``. Each side runs in a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

_SIDES = {
    "holdfast": """
from pathlib import Path
from features.settings import ReadingSettings
from features.table_files.source import read_source
from features.tables.plan import apply_plan, decide_plan
source = read_source(Path(PATH))
plan = decide_plan(source, ReadingSettings())
table, plan = apply_plan(source, plan)
kinds = [column.kind for column in plan.columns]
""",
    "DuckDB": """
import duckdb
table = duckdb.sql(f"select * from read_csv('{PATH}')").to_arrow_table()
kinds = [str(kind) for kind in table.schema.types]
""",
}


def main() -> None:
    """Make the table, and read it in both ways."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "table.csv"
        _write(path, asked.rows, asked.columns)
        print(f"{asked.rows:,} rows x {asked.columns} columns, {path.stat().st_size / 1e6:,.0f} MB")
        for side, code in _SIDES.items():
            print(_measured(side, code, path))


def _write(path: Path, rows: int, columns: int) -> None:
    random = np.random.default_rng(1)
    missing = random.random(rows) < 0.01
    arrays: dict[str, pa.Array] = {"id": pa.array([f"C{row:08d}" for row in range(rows)])}
    for column in range(columns - 1):
        kind = column % 6
        if kind < 3:
            values = pa.array(np.round(random.gamma(2.0, 20.0, rows), 2)).cast(pa.string())
        elif kind == 3:
            values = pa.array(random.integers(0, 500, rows)).cast(pa.string())
        elif kind == 4:
            values = pa.array(
                np.array(["Monthly", "One year", "Two years"])[random.integers(0, 3, rows)]
            )
        else:
            days = random.integers(10_000, 20_000, rows).astype("datetime64[D]")
            values = pa.array(days).cast(pa.string())
        if kind in (0, 3):
            values = pa.array(np.where(missing, "NA", values.to_numpy(zero_copy_only=False)))
        arrays[f"c{column}"] = values
    pa_csv.write_csv(pa.table(arrays), path)


def _measured(side: str, code: str, path: Path) -> str:
    script = f"PATH = {str(path)!r}\n{code}\nimport json\nprint(json.dumps(kinds))"
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    output = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status:
        return f"{side}: failed"
    kinds = json.loads(output.splitlines()[-1])  # DuckDB shows progress before
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    cpu = usage.ru_utime + usage.ru_stime
    return f"{side:10} {cpu:6.1f} s CPU {seconds:6.1f} s {usage.ru_maxrss / 1e6:5.2f} GB peak: {counted}"


if __name__ == "__main__":
    main()
