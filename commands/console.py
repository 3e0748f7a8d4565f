"""The console: progress on standard error, results on standard output."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from holdfast.logging import Advance

_LINE_EVERY_SECONDS = 5.0
_LINE_FROM_SECONDS = 0.05


class ConsoleReporter:
    """Shows progress on standard error: bars on a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show one task until the context ends; then print how long it took, unless that rounds to 0.0 s."""
        started = time.monotonic()
        if self._console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                # Where the number of steps is known.
                *((TimeRemainingColumn(),) if total else ()),
            )
            with Progress(*columns, console=self._console, transient=True) as bars:
                bar = bars.add_task(description, total=total)
                yield lambda steps: bars.advance(bar, steps)
        else:
            yield self._lines(description, total)
        seconds = time.monotonic() - started
        if seconds >= _LINE_FROM_SECONDS:
            self._print(f"{description}, {seconds:.1f} s")

    def _lines(self, description: str, total: int | None) -> Advance:
        done, last = 0, time.monotonic()

        def advance(steps: int) -> None:
            nonlocal done, last
            done += steps
            if time.monotonic() - last >= _LINE_EVERY_SECONDS:
                last = time.monotonic()
                self._print(f"{description}: {done} of {total}")

        return advance

    def _print(self, text: str) -> None:
        # Whole, whatever the width: a log is read with other tools.
        self._console.print(f"  [dim]{escape(text)}[/dim]", soft_wrap=True)


@contextmanager
def results_only() -> Iterator[None]:
    """Keep standard output for results: whatever a library writes there meanwhile goes to standard
    error.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def print_json(result: object) -> None:
    """Write one JSON object to standard output."""
    sys.stdout.write(json.dumps(result, ensure_ascii=False, allow_nan=False) + "\n")
