"""What a home has kept for long enough, removed.

Nothing goes that the next night or the next training reads: the newest scores stay, and the test
predictions of versions that have an alias, since the next version is compared with them. Raw rows
and feature history are not removed by age; who is erased goes from both.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.errors import ModelError
from holdfast.home import Home, locked
from models.registry import list_versions
from pipeline.privacy.settings import Days, RetentionSettings
from training.evaluation.predictions import TEST_PREDICTIONS

_log = logging.getLogger(__name__)
_NIGHT = re.compile(r"at=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Old:
    """Something that has been kept for long enough.

    Parameters
    ----------
    kind : {"scores", "quarantine", "exports", "test_predictions"}
        What it is.
    path : str
        The file or folder, below the home.
    since : str
        Its date (ISO 8601, UTC).
    size_bytes : int
        Its size.
    """

    kind: str
    path: str
    since: str
    size_bytes: int

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return asdict(self)


def apply_retention(
    home: Home,
    settings: RetentionSettings,
    *,
    now: datetime,
    dry_run: bool = False,
) -> tuple[Old, ...]:
    """Remove what has been kept for long enough.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    home : Home
        The home.
    settings : RetentionSettings
        How long what is kept.
    now : datetime
        What time it is in the home. Files have the machine's time: where the operator is
        simulated, they count as new.
    dry_run : bool
        Whether to say only what would go.

    Returns
    -------
    tuple of Old
        What went, or would go.

    Raises
    ------
    HomeError
        Another process writes in the home.
    """
    with locked(home):
        old = []
        for kind, path, since in _old(home, settings, now):
            size = sum(one.stat().st_size for one in (path, *path.rglob("*")) if one.is_file())
            place = str(path.relative_to(home.root))
            old.append(Old(kind, place, since.isoformat(), size))
            if not dry_run and path.is_dir():
                shutil.rmtree(path)
            elif not dry_run:
                path.unlink()
        if old and not dry_run:
            _log.info("removed %d files and folders that were kept for long enough", len(old))
        return tuple(old)


def _old(
    home: Home, settings: RetentionSettings, now: datetime
) -> Iterator[tuple[str, Path, datetime]]:
    nights = sorted(home.score_sets.glob("at=*"))
    for folder in nights[:-1]:
        named = _NIGHT.fullmatch(folder.name)
        if named:
            at = datetime.fromisoformat(named[1]).replace(tzinfo=UTC)
            if _is_older(at, now, settings.scores_days):
                yield "scores", folder, at
    for place in (home.quarantine, home.checked):
        for path in sorted(place.glob("*.parquet")):
            if _is_older(_written(path), now, settings.quarantine_days):
                yield "quarantine", path, _written(path)
    for folder in sorted(path for path in home.exports.glob("*") if path.is_dir()):
        if _is_older(_written(folder), now, settings.exports_days):
            yield "exports", folder, _written(folder)
    yield from _old_predictions(home, settings, now)


def _old_predictions(
    home: Home, settings: RetentionSettings, now: datetime
) -> Iterator[tuple[str, Path, datetime]]:
    # Reading the registry takes seconds.
    if not any(home.artifacts.rglob(TEST_PREDICTIONS)):
        return
    try:
        versions = list_versions(home)
    except ModelError:
        return  # nothing was ever registered
    for entry in versions:
        path = entry.address(home).directory.parent / TEST_PREDICTIONS
        if entry.aliases or not path.exists():
            continue
        if _is_older(entry.made_at, now, settings.test_predictions_days):
            yield "test_predictions", path, entry.made_at


def _is_older(at: datetime, now: datetime, days: Days) -> bool:
    return days != "unlimited" and at < now - timedelta(days=days)


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
