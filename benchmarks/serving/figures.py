"""Measurements as rows of a printed table."""

from collections.abc import Mapping

from benchmarks.serving.measure import Measurement


def comparison_rows(
    ours: list[Measurement],
    others: Mapping[str, list[Measurement]],
    targets: tuple[float, ...],
) -> list[dict[str, object]]:
    """Rows of one table: holdfast's, then those of each other server with the ratio to holdfast's.

    Parameters
    ----------
    ours : list of Measurement
        Holdfast's, by load.
    others : mapping of str to list of Measurement
        The others' by name, of the same loads.
    targets : tuple of float
        For each of the others, how many times holdfast's processor time it ought to take.
    """
    rows: list[dict[str, object]] = [
        figures("holdfast", one) | {"CPU, times holdfast's": "", "target": ""} for one in ours
    ]
    for (name, theirs), target in zip(others.items(), targets, strict=True):
        rows += [
            figures(name, another)
            | {"CPU, times holdfast's": another.cpu_ms / one.cpu_ms, "target": target}
            for one, another in zip(ours, theirs, strict=True)
        ]
    return rows


def figures(server: str, one: Measurement) -> dict[str, object]:
    """A row of one server and load."""
    return {
        "server": server,
        "connections": one.connections,
        "requests": one.exchanges,
        "CPU_ms": one.cpu_ms,
        "p50_ms": one.p50_ms,
        "p99_ms": one.p99_ms,
    }
