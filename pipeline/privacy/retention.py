"""What a home has kept for long enough, removed.

Nothing goes that the next night or the next training reads: settings that are too short for that are
refused; the newest scores stay, and the test predictions of versions that have an alias, since the
next version is compared with them.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.errors import ModelError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.home import Home, locked
from models.registry import list_versions
from pipeline.privacy.needs import require_long_enough
from pipeline.privacy.pending import finish_pending_removal
from pipeline.privacy.settings import Days, RetentionSettings
from training.evaluation.predictions import TEST_PREDICTIONS
from training.settings import TrainingConfig

_log = logging.getLogger(__name__)
_NIGHT = re.compile(r"at=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Old:
    """Something that has been kept for long enough.

    Parameters
    ----------
    kind : {"raw", "snapshots", "scores", "quarantine", "exports", "test_predictions"}
        What it is.
    path : str
        The file or folder, below the home.
    since : str
        Its date (ISO 8601, UTC); of raw rows the time before which they happened.
    size_bytes : int
        Its size; of raw rows that would go, as many of the file's bytes as there are rows.
    rows : int or None
        Raw rows that went from files that stay; None where the whole went.
    """

    kind: str
    path: str
    since: str
    size_bytes: int
    rows: int | None = None

    def to_json(self) -> dict[str, object]:
        """As a JSON object."""
        return asdict(self)


def apply_retention(
    home: Home,
    settings: RetentionSettings,
    *,
    now: datetime,
    training: TrainingConfig | None = None,
    dry_run: bool = False,
    failpoint: Failpoint = no_failpoint,
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
    training : TrainingConfig, optional
        What training needs. Default: the defaults of its settings.
    dry_run : bool
        Whether to say only what would go.
    failpoint : Failpoint, optional
        For tests.

    Returns
    -------
    tuple of Old
        What went, or would go.

    Raises
    ------
    InputError
        A setting is shorter than what features or labels need. Nothing was changed.
    HomeError
        Another process writes in the home.
    """
    require_long_enough(settings, training or TrainingConfig())
    with locked(home):
        if not dry_run:
            finish_pending_removal(home)
        old = list(_old_history(home, settings, now, dry_run, failpoint))
        for kind, path, since in _old(home, settings, now):
            size = sum(one.stat().st_size for one in (path, *path.rglob("*")) if one.is_file())
            place = str(path.relative_to(home.root))
            old.append(Old(kind, place, since.isoformat(), size))
            if not dry_run and path.is_dir():
                shutil.rmtree(path)
            elif not dry_run:
                path.unlink()
        if old and not dry_run:
            _log.info("removed what was kept for long enough, in %d places", len(old))
        return tuple(old)


def _old_history(
    home: Home, settings: RetentionSettings, now: datetime, dry_run: bool, failpoint: Failpoint
) -> Iterator[Old]:
    if settings.raw_days == settings.snapshots_days == "unlimited":
        return
    # Imported here, because it takes the time that the feature store needs.
    from pipeline.privacy.history import kept_from_now_on, remove_old_rows, remove_old_snapshots

    kept = kept_from_now_on(home, settings, now)
    for rows in remove_old_rows(home, kept, dry_run=dry_run, failpoint=failpoint):
        place = str((home.raw / rows.table).relative_to(home.root))
        yield Old("raw", place, rows.since.isoformat(), rows.size_bytes, rows.rows)
    for path, size in remove_old_snapshots(home, kept, dry_run=dry_run, failpoint=failpoint):
        monday = datetime.fromisoformat(path.stem).replace(tzinfo=UTC)
        yield Old("snapshots", str(path.relative_to(home.root)), monday.isoformat(), size)


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
