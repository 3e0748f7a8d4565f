"""What is read by a watermark is what there is, once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources import open_source
from features.sources.content import Content
from features.sources.part import Part
from features.sources.watermark import Increment, Mark, Range, Watermark, increment
from holdfast.errors import InputError

START = datetime(2026, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(hours=24)
HOURS = st.integers(0, 400)


def at(hour: int, form: str) -> Any:
    time = START + timedelta(hours=hour)
    if form == "text":
        return f"{time:%Y-%m-%dT%H:%M:%SZ}"
    return time if form == "aware" else time.replace(tzinfo=None)


class Reads:
    """Rows of a made-up table as ranges would read them."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows
        self.read: dict[str, list[Any]] = {}
        self.closed: set[str] = set()

    def __call__(self, name: str, stretch: Range, content: Content | None) -> Part:
        self.read[name] = [
            row
            for row in self.rows
            if (stretch.after is None or row > stretch.after)
            and (stretch.until is None or row <= stretch.until)
        ]
        if content is not None:
            self.closed.add(name)
        return None  # type: ignore[return-value]


def night(rows: list[Any], before: Mark | None) -> tuple[Reads, Increment]:
    reads = Reads(rows)
    newest = max(rows, default=None)
    return reads, increment(before or Mark("bills", "arrived_at"), OVERLAP, newest, reads)


@given(
    st.lists(st.lists(st.tuples(HOURS, st.integers(0, 24)), min_size=1), min_size=1, max_size=6),
    st.sampled_from(["aware", "naive", "text"]),
)
def test_rows_that_come_within_the_overlap_are_read_once(
    nights: list[list[tuple[int, int]]], form: str
) -> None:
    # A row of an hour becomes visible up to a day later, in whichever night that is.
    rows = [(hour, hour + late) for rows in nights for hour, late in rows]
    ends = sorted({seen for _, seen in rows})
    mark, kept = None, {}
    for end in ends:
        visible = [at(hour, form) for hour, seen in rows if seen <= end]
        reads, taken = night(visible, mark)
        # A closed range that was read before is kept as it was then.
        kept = {
            name: kept.get(name, found) if name in reads.closed else found
            for name, found in reads.read.items()
        }
        mark = taken.mark
        assert sorted(row for found in kept.values() for row in found) == sorted(visible)
        assert mark is not None
        assert Mark.from_json(mark.to_json()) == mark


def test_a_row_that_comes_later_than_the_overlap_is_missed() -> None:
    _, first = night([at(0, "aware"), at(100, "aware")], None)
    reads, _ = night([at(0, "aware"), at(70, "aware"), at(100, "aware")], first.mark)
    assert [len(found) for name, found in reads.read.items() if name not in reads.closed] == [1]


@pytest.mark.parametrize("form", ["aware", "naive", "text"])
def test_a_watermark_that_goes_backwards_is_refused(form: str) -> None:
    _, first = night([at(0, form), at(100, form)], None)
    for rows in ([at(0, form), at(99, form)], []):
        with pytest.raises(
            InputError, match=r"bills\.arrived_at: a watermark must not go backwards: .*2026-01-05"
        ):
            night(rows, first.mark)


@pytest.mark.parametrize("newest", [7, "31.01.2026", "2026-01-31T09:30:00+01:00", b"x"])
def test_a_watermark_that_is_no_time_is_refused(newest: object) -> None:
    with pytest.raises(InputError, match=r"bills\.arrived_at: must be a time to serve"):
        increment(Mark("bills", "arrived_at"), OVERLAP, newest, Reads([]))


def test_a_watermark_must_make_sense(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must name a column"):
        Watermark(" ")
    with pytest.raises(InputError, match="must have an overlap of 0 or more"):
        Watermark("arrived_at", timedelta(hours=-1))
    (tmp_path / "customers.csv").write_text("customer_id,arrived_at\n1,2\n")
    source = open_source(str(tmp_path), watermark="arrived_at")
    with pytest.raises(InputError, match="watermark: must come with a database"):
        source.resume({}, OVERLAP)
    with pytest.raises(InputError, match="must be a column of at least one of the tables"):
        open_source(str(tmp_path), watermark="loaded_at")
