"""People's scores removed from the score feed.

A feed never changes, so the next one is written without them, under the next number, and those
before are removed. It is no report: whoever reads changes is not told, because that would keep the
id in the feed for weeks. A reader in the middle of a full export begins again.
"""

import shutil
from dataclasses import replace

from holdfast.parquet_rows import IsGone, remove_rows
from models.feed.files import FeedFiles
from models.score_set import IDS


def forget_in_feed(files: FeedFiles, is_gone: IsGone, *, dry_run: bool = False) -> int:
    """Remove rows from the feed; how many.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    files : FeedFiles
        Where the feeds lie.
    is_gone : callable
        Says of rows with the columns `IDS` which go.
    dry_run : bool
        Whether to count only.

    Raises
    ------
    ModelError
        The newest feed is damaged.
    """
    numbers = files.numbers()
    counts = [remove_rows(files.rows(one), IDS, is_gone, dry_run=True) for one in numbers]
    if dry_run or not any(counts):
        return max(counts, default=0)
    newest = files.newest()
    if newest is not None and counts[-1]:
        with files.writing(newest.number + 1) as (part, _):
            shutil.copyfile(files.rows(newest.number), part)
            remove_rows(part, IDS, is_gone)
            files.publish(part, replace(newest, number=newest.number + 1, changes={}))
    for number in files.numbers()[:-1]:
        files.remove(number)
    return max(counts)
