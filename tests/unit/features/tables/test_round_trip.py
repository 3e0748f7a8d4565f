"""Whatever way a table is written, reading it gives the same values, or a question."""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.encoding.reading import as_text
from features.settings import ReadingSettings
from features.table_files.source import read_source
from features.tables.plan import apply_plan, decide_plan
from holdfast.errors import InputError

ROWS = 60
DATES = {
    "ymd-": "{0.year:04d}-{0.month:02d}-{0.day:02d}",
    "ymd/": "{0.year}/{0.month}/{0.day}",
    "dmy.": "{0.day:02d}.{0.month:02d}.{0.year:04d}",
    "dmy/": "{0.day}/{0.month}/{0.year}",
    "mdy/": "{0.month}/{0.day}/{0.year}",
    "compact": "{0.year:04d}{0.month:02d}{0.day:02d}",
    "chinese": "{0.year}年{0.month}月{0.day}日",
}
WORDS = ["", "NA", "N/A", "NULL", "-", "?", "#N/A", "(null)", "无", "nan", "None", "unknown"]
FORMATS = [(".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " "), (".", "'")]


@dataclass(frozen=True)
class Frame:
    """What a table holds: None where missing."""

    numbers: list[float | None]
    dates: list[date | None]
    plans: list[str]


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Numbers of one spread and as many decimals, dates of some years, a few plans."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    spread = draw(st.sampled_from([1, 30, 900, 5_000, 3_000_000]))
    decimals = draw(st.integers(0, 4))
    values = np.round(
        random.uniform(-spread * draw(st.sampled_from([0, 1])), spread, ROWS), decimals
    )
    days = random.integers(0, draw(st.sampled_from([12, 400, 9_000])), ROWS)
    gone = random.random((2, ROWS)) < draw(st.sampled_from([0.0, 0.05, 0.2]))
    first = date(draw(st.integers(1990, 2020)), draw(st.integers(1, 12)), 1)
    return Frame(
        [None if g else float(v) for v, g in zip(values, gone[0], strict=True)],
        [None if g else first + timedelta(int(d)) for d, g in zip(days, gone[1], strict=True)],
        [("A", "Größe", "B")[k] for k in random.integers(0, 3, ROWS)],
    )


def _number(value: float, decimal: str, thousands: str, fixed: bool) -> str:
    text = f"{value:,.4f}" if fixed else f"{value:,.10f}".rstrip("0").rstrip(".")
    return text.translate({ord(","): thousands, ord("."): decimal})


@given(
    frame=frames(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "gb18030"]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    number_format=st.sampled_from(FORMATS),
    fixed=st.booleans(),
    word=st.sampled_from(WORDS),
    style=st.sampled_from(sorted(DATES)),
)
def test_a_table_reads_back_or_is_a_question(
    frame: Frame,
    encoding: str,
    delimiter: str,
    number_format: tuple[str, str],
    fixed: bool,
    word: str,
    style: str,
) -> None:
    lines = [["id", "fee", "since", "plan"]]
    for row, (number, day, plan) in enumerate(
        zip(frame.numbers, frame.dates, frame.plans, strict=True)
    ):
        fee = word if number is None else _number(number, *number_format, fixed=fixed)
        since = word if day is None else DATES[style].format(day)
        lines.append([f"C{row:04d}", fee, since, plan])
    text = "\r\n".join(
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in line)
        for line in lines
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "t.csv"
        if encoding == "cp1252" and (word == "无" or style == "chinese"):
            encoding = "utf-8"
        path.write_bytes(text.encode(encoding))
        try:
            source = read_source(path)
        except InputError:  # the encoding is not certain, and the error asks for --encoding
            source = read_source(path, encoding)
    plan = decide_plan(source, ReadingSettings())
    asked = {column.name for column in plan.columns if column.question}
    table, _ = apply_plan(source, plan, asked)
    if "fee" not in asked:
        expected = [np.nan if number is None else number for number in frame.numbers]
        fees = table["fee"].cast("float64").to_numpy()
        np.testing.assert_allclose(fees, expected, rtol=1e-9, atol=1e-9)
    if "since" not in asked:
        days = [None if day is None else day.isoformat() for day in frame.dates]
        assert [day and day[:10] for day in as_text(table["since"]).to_pylist()] == days
