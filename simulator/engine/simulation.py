"""What was simulated into a folder, and what may be asked for. Nothing here takes long to import."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from holdfast.errors import InputError
from simulator.world.calendar import MONTHS_MOST

FORMAT = 2
"""Version of the folder's layout."""

SETTINGS = "simulation.json"
"""Name of the file that says what was simulated."""


@dataclass(frozen=True)
class Simulation:
    """The content of ``simulation.json``.

    Parameters
    ----------
    customers, months, seed : int
        The settings of `simulate`.
    week : int
        Whole weeks simulated so far.
    start, end : str
        First day, and the day after the last (ISO 8601, UTC).
    lines : tuple of int
        Lines planned in each block.
    parameters : str
        Digest of the magnitudes.
    format : int
        Version of the folder's layout.
    daily_usage : bool
        Whether use is also written by day.
    days : int
        Days simulated beyond the whole weeks, 0 to 6.
    """

    customers: int
    months: int
    seed: int
    week: int
    start: str
    end: str
    lines: tuple[int, ...]
    parameters: str
    format: int = FORMAT
    daily_usage: bool = False
    days: int = 0

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read it from a folder; None where it is absent or invalid."""
        try:
            stored = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
            return cls(**{**stored, "lines": tuple(stored["lines"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, folder: Path) -> None:
        """Write it to a folder; an interruption leaves the old one."""
        part = folder / f"{SETTINGS}.part"
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.replace(folder / SETTINGS)


def check_request(out: Path, customers: int, months: int, seed: int) -> tuple[Path, Path]:
    """Check what `simulator.engine.simulator.simulate` is asked for.

    Parameters
    ----------
    out, customers, months, seed
        As in `simulate`.

    Returns
    -------
    out, partial : Path
        The folder, and the one beside it that it is made in.

    Raises
    ------
    InputError
        A setting is out of range, or a folder holds something else.
    """
    _check_range("--customers", customers, 1, 20_000_000)
    _check_range("--months", months, 1, MONTHS_MOST)
    _check_range("--seed", seed, 0, 2**63 - 1)
    out = out.expanduser().absolute()
    partial = out.with_name(f"{out.name}.partial")
    for folder in (out, partial):
        if (folder.exists() and not folder.is_dir()) or (
            folder.is_dir() and any(folder.iterdir()) and Simulation.read(folder) is None
        ):
            raise InputError(
                "--out", "must be a new folder or one that holds a simulation", str(folder)
            )
    return out, partial


def check_days(days: int, step: int = 1) -> None:
    """Refuse a number of days that a simulation cannot go on by.

    Parameters
    ----------
    days : int
        The number.
    step : int
        What it must be a multiple of.

    Raises
    ------
    InputError
        It is no such number up to 3650.
    """
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 3650 or days % step:
        multiple = f", a multiple of {step}" if step > 1 else ""
        raise InputError("days", f"must be a whole number from {step} to 3650{multiple}", days)


def _check_range(option: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(option, f"must be a whole number from {low} to {high}", value)
