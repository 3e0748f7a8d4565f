"""A simulated operator's raw tables, as they were at one midnight and at the next."""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.contracts.vocabulary import ARRIVED
from features.intake.check import accept
from features.intake.expectations import Expectations
from features.intake.report import CheckReport
from features.intake.verdicts import NightVerdict
from features.settings import ExpectationSettings
from features.sources import open_source
from simulator.engine.simulator import simulate

TONIGHT = datetime(2024, 9, 3, tzinfo=UTC)
"""The midnight after a Monday, on which last week's use arrives."""

YESTERDAY = TONIGHT - timedelta(days=1)


def simulate_nights(folder: Path, customers: int = 800, months: int = 9, seed: int = 4) -> None:
    """Fill a folder: ``tonight`` (what had arrived by then), and ``home/raw``, the raw store of the
    night before.
    """
    simulate(folder / "operator", customers, months, seed, workers=1)
    for name, until in (("yesterday", YESTERDAY), ("tonight", TONIGHT)):
        arrived_until(folder / "operator" / "raw", folder / name, until)
    take_in(folder / "yesterday", folder / "home", YESTERDAY)


def arrived_until(source: Path, folder: Path, until: datetime) -> None:
    """Copy raw tables, of each only the rows that had arrived by then."""
    for directory in sorted(path for path in source.iterdir() if path.is_dir()):
        table = pq.ParquetDataset(directory).read()
        rows = table.filter(pc.less(table[ARRIVED], pa.scalar(until, table[ARRIVED].type)))
        (folder / directory.name).mkdir(parents=True)
        pq.write_table(rows, folder / directory.name / "part-00000.parquet")


def take_in(
    source: Path, home: Path, night: datetime, expectations: Expectations | None = None
) -> CheckReport:
    """Accept raw tables into ``home/raw``, just after a midnight."""
    return accept(
        open_source(str(source)),
        home / "raw",
        quarantine=home / "quarantine",
        now=night + timedelta(hours=1),
        judge=None if expectations is None else expectations.judge,
    )


@dataclass(frozen=True)
class Nights:
    """The folder that `simulate_nights` filled; only read."""

    folder: Path

    def judge(
        self,
        scratch: Path,
        fault: Callable[[Path, datetime], None] | None = None,
        settings: ExpectationSettings | None = None,
        only: Collection[str] | None = None,
        **options: object,
    ) -> NightVerdict:
        """Judge tonight's tables, after something happened to them, in a home of their own.

        With `only`, just those tables were ever there, which is faster.
        """
        source, home = self.copy(scratch, only)
        if fault is not None:
            fault(source, TONIGHT)
        expectations = Expectations(
            settings or ExpectationSettings(stop=""),
            night=TONIGHT,
            **options,  # type: ignore[arg-type]
        )
        night = take_in(source, home, TONIGHT, expectations).night
        assert night is not None
        return night

    def copy(self, scratch: Path, only: Collection[str] | None = None) -> tuple[Path, Path]:
        """Copy tonight's tables, and the home of the night before, by links."""
        for name in ("tonight", "home"):
            shutil.copytree(self.folder / name, scratch / name, copy_function=_link)
        for folder in (scratch / "tonight", scratch / "home" / "raw"):
            for table in folder.iterdir():
                if only is not None and table.is_dir() and table.name not in only:
                    shutil.rmtree(table)
        return scratch / "tonight", scratch / "home"


def _link(source: str, place: str) -> None:
    Path(place).hardlink_to(source)
