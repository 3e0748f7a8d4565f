"""Every place of a home that holds rows of people, each emptied by its owner."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from care.ledger.forget import forget_people
from care.settings import CareSettings
from features.compute.forget import forget_built, keep_removed
from features.erased.people import PERSON_KINDS, People
from features.erased.taken_in import forget_quarantined, forget_raw
from features.flat.forget import forget_flat, scrub_flat
from features.flat.repository import TableRepository
from features.intake.quarantine import QuarantineFolder
from features.intake.store import RawStore
from features.operator.forget import forget_online, scrub_online
from features.operator.repository import OperatorRepository
from holdfast.errors import ModelError
from holdfast.files import escape_formula, write_beside
from holdfast.home import Home
from holdfast.parquet_rows import remove_rows
from models.feed.files import FeedFiles
from models.feed.forget import forget_in_feed
from models.score_set import IDS, reasons_view, records_view
from models.targets import TARGETS
from serving.events.forget import forget_requests
from training.evaluation.predictions import forget_predictions

PLACES: Mapping[str, str] = {
    "online": "online store: features, states of live events, stored scores and reasons",
    "raw": "raw store: rows of raw tables as they were accepted",
    "quarantine": "quarantine, and what `holdfast data check` left out",
    "features": "feature tables: newest snapshot, history, states of the last build",
    "scores": "scores: a folder per night",
    "feed": "score feed: the newest score of everybody",
    "table": "features of a team's own table",
    "lists": "scores, care list and report of `holdfast quickstart`",
    "exports": "exports of `holdfast export` that lie in the home",
    "test_predictions": "test predictions of model versions",
    "care": "care: decisions and consents of the ledger, plans, and files that were handed over",
    "requests": "what the service remembers: answers kept for idempotency keys, ids of events",
    "free_space": "what was deleted in the online store's file",
}
"""Places by code, in the order in which they are emptied, with what they hold."""


class Places:
    """The places of a home.

    Parameters
    ----------
    home : Home
        The home.
    people : People
        Whose rows go.
    sums : mapping of str to pyarrow.Table
        What was known of the raw rows that go (`features.compute.forget.removed_sums`).
    erasure : str
        Name of the erasure.
    care : CareSettings
        Where the ledger lies.
    dry_run : bool
        Whether to count only.
    """

    def __init__(
        self,
        home: Home,
        people: People,
        sums: Mapping[str, pa.Table],
        erasure: str,
        care: CareSettings,
        *,
        dry_run: bool = False,
    ) -> None:
        self._home, self._people, self._care = home, people, care
        self._sums, self._erasure, self._dry_run = sums, erasure, dry_run
        self._operator = OperatorRepository(home)

    def forget(self, place: str) -> int:
        """Remove people's rows from a place; how many. Killed, it is completed by a second call."""
        removed: int = getattr(self, f"_forget_{place}")()
        return removed

    def _forget_online(self) -> int:
        if self._dry_run:
            return 0  # what is there is what the feature tables and the scores say
        kinds = {
            view(target.name): f"{target.entity}_id".replace("contact_id", "interaction_id")
            for target in TARGETS.values()
            for view in (records_view, reasons_view)
        }
        return forget_online(self._operator, self._people, kinds)

    def _forget_raw(self) -> int:
        if not self._home.raw.exists() and not self._home.raw.with_name(".raw.old").exists():
            return 0
        if not self._dry_run:
            RawStore(self._home.raw)  # removes what a run that was killed left beside it
            keep_removed(self._operator.directory, self._sums, self._erasure)
        return forget_raw(self._home.raw, self._people, dry_run=self._dry_run)

    def _forget_quarantine(self) -> int:
        removed = 0
        for folder in (self._home.quarantine, self._home.checked):
            if folder.exists():
                if not self._dry_run:
                    QuarantineFolder(folder)  # as of the raw store
                removed += forget_quarantined(folder, self._people, dry_run=self._dry_run)
        return removed

    def _forget_features(self) -> int:
        directory = self._operator.directory
        if not directory.exists():
            return 0
        return forget_built(directory, self._people, dry_run=self._dry_run)

    def _forget_scores(self) -> int:
        return sum(
            remove_rows(path, IDS, self._has_score, dry_run=self._dry_run)
            for path in sorted(self._home.score_sets.glob("at=*/*.parquet"))
        )

    def _forget_feed(self) -> int:
        files = FeedFiles(self._home.score_feed)
        return forget_in_feed(files, self._has_score, dry_run=self._dry_run)

    def _forget_table(self) -> int:
        return forget_flat(
            TableRepository(self._home), self._people.customers, dry_run=self._dry_run
        )

    def _forget_lists(self) -> int:
        removed = 0
        if self._home.scores.exists():
            # Its first column is the id, called as in the team's table.
            removed += _forget_first_column(self._home.scores, self._people, self._dry_run)
        if self._home.care_list.exists():
            # Its second column is the id; what columns are called depends on its language.
            path = self._home.care_list
            removed += _forget_in_csv(path, self._people, lambda _: _SECOND, self._dry_run)
        if self._home.report.exists() and removed:
            # A page cannot be without somebody whom it shows; the next quickstart writes it anew.
            removed += 1
            if not self._dry_run:
                self._home.report.unlink()
        return removed

    def _forget_exports(self) -> int:
        removed = 0
        for document in sorted(self._home.exports.glob("*/export.json")):
            of = json.loads(document.read_text(encoding="utf-8")).get("customer_id")
            if of in self._people.customers:
                removed += 1
                if not self._dry_run:
                    shutil.rmtree(document.parent)
        return removed

    def _forget_test_predictions(self) -> int:
        return forget_predictions(
            self._home.artifacts, self._people.customers, dry_run=self._dry_run
        )

    def _forget_care(self) -> int:
        removed = 0
        if self._care.has_ledger(self._home):
            url = self._care.ledger_url(self._home)
            removed += forget_people(url, self._people.customers, dry_run=self._dry_run)
        for path in sorted((self._home.care / "plans").glob("*.parquet")):
            removed += remove_rows(path, IDS, self._has_score, dry_run=self._dry_run)
        for path in sorted(self._home.exported_care.glob("*/*.parquet")):
            if "customer_id" in pq.read_schema(path).names:
                removed += remove_rows(path, IDS, self._has_score, dry_run=self._dry_run)
        for path in sorted((self._home.care / "sent").glob("*.csv")):
            removed += _forget_in_csv(path, self._people, _ids_by_name, self._dry_run)
        for path in sorted((self._home.care / "sent").glob("*.parquet")):
            removed += remove_rows(path, IDS, self._has_score, dry_run=self._dry_run)
        return removed

    def _forget_requests(self) -> int:
        ids = {one for kind in PERSON_KINDS for one in self._people.ids.get(kind, ())}
        return forget_requests(self._home, ids, dry_run=self._dry_run)

    def _forget_free_space(self) -> int:
        if self._dry_run:
            return 0
        if not (scrub_online(self._operator) and scrub_flat(TableRepository(self._home))):
            raise ModelError(
                "online store",
                "is being read by somebody who began before the erasure, so that what was deleted"
                " cannot be overwritten; restart the service, then erase again",
            )
        return 0

    def _has_score(self, rows: pa.Table) -> NDArray[np.bool_]:
        return self._people.own(rows, {name: name for name in IDS})


def _forget_first_column(path: Path, people: People, dry_run: bool) -> int:
    name = pq.read_schema(path).names[0]
    return remove_rows(
        path, (name,), lambda rows: people.own(rows, {name: "customer_id"}), dry_run=dry_run
    )


_SECOND = {1: "customer_id"}


def _ids_by_name(header: Sequence[str]) -> dict[int, str]:
    """Places of columns that are called like the ids in them."""
    return {place: name for place, name in enumerate(header) if name in IDS}


def _forget_in_csv(
    path: Path,
    people: People,
    kinds: Callable[[Sequence[str]], Mapping[int, str]],
    dry_run: bool,
) -> int:
    """Remove rows of a CSV file with a header; the other ones stay as they are written.

    `kinds` says of a header in which columns ids stand, and of which kind: any other cell may be
    equal to somebody's id.
    """
    text = path.read_bytes().decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = list(io.StringIO(text.removeprefix(mark), newline=""))
    reader = csv.reader(lines)
    header = next(reader, [])
    written = {
        place: {escape_formula(one) for one in people.ids.get(kind, ())}
        for place, kind in kinds(header).items()
    }
    kept, removed, begin = lines[: reader.line_num], 0, reader.line_num
    for row in reader:
        if any(place < len(row) and row[place] in ids for place, ids in written.items()):
            removed += 1
        else:
            kept += lines[begin : reader.line_num]
        begin = reader.line_num
    if removed and not dry_run:
        write_beside(path, mark + "".join(kept))
    return removed
