"""How a benchmark prints what it measured: as a table, or as JSON with ``--json``."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table


def show(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Print rows that have the same keys."""
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": title, "rows": rows}, ensure_ascii=False))
        return
    table = Table(*rows[0], title=title, title_justify="left")
    for row in rows:
        table.add_row(
            *(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values())
        )
    Console(width=160).print(table)
