"""The doctor's page: tonight's raw tables beside those of other nights, in one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from features.intake.night_record import Overruling
from features.intake.verdicts import Measure, NightVerdict, TableVerdict
from reports.kit import swarm
from reports.kit.numbers import PERCENT, typeset
from reports.kit.page import environment
from reports.night.sentences import told
from reports.night.words import measured, named
from reports.words.texts import ENGLISH, Texts, to_translate

BAR_WIDTH, CHART_HEIGHT = 4, 40
_SHARES = ("share in quarantine",)
_USED = {
    "yesterday's": to_translate("yesterday's rows are used"),
    "tonight's": to_translate("tonight's rows are used: there are no others"),
    "none": to_translate("no rows are used"),
}


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: where it begins from the left and from the top, and its height."""

    x: int
    y: float
    height: float


@dataclass(frozen=True)
class DayChart:
    """Rows by day, the day judged last.

    Parameters
    ----------
    bars : tuple of Bar
        Days.
    width : int
        Of the whole chart.
    low, high : float or None
        Where the bounds of the last day lie from the top; None where there are none.
    """

    bars: tuple[Bar, ...]
    width: int
    low: float | None
    high: float | None


def render_doctor(
    night: NightVerdict, overrulings: Sequence[Overruling], texts: Texts = ENGLISH
) -> str:
    """Write the page: an HTML document, the same bytes for the same verdict.

    Parameters
    ----------
    night : NightVerdict
        The last night.
    overrulings : sequence of Overruling
        What people overruled, the oldest first.
    texts : Texts
        In which language.
    """
    return (
        environment(texts)
        .get_template("night/doctor.html.j2")
        .render(
            night=night,
            headline=headline(night, texts),
            texts=texts,
            named=partial(named, texts=texts),
            measured=measured,
            told=partial(told, texts=texts),
            doubtful=[table for table in night.tables if table.verdict != "fresh"],
            unnoticed=[
                table.table
                for table in night.tables
                if table.verdict == "fresh" and table.noticed_within_days is None
            ],
            overrulings=tuple(reversed(overrulings)),
            chart=day_chart,
            done=done,
            figure=figure,
            usual=usual,
            height=CHART_HEIGHT,
            bar_width=BAR_WIDTH,
            swarm=swarm,
        )
    )


def headline(night: NightVerdict, texts: Texts = ENGLISH) -> str:
    """The night in one sentence."""
    if night.stopped:
        return texts.gettext("Stopped by {tables}: nothing was replaced").format(
            tables=_listed(night.stopped, texts)
        )
    if night.doubts:
        return texts.gettext("Not as expected: {tables}").format(
            tables=_listed(night.doubts, texts)
        )
    return texts.gettext("All tables as expected")


def done(night: NightVerdict, table: TableVerdict, texts: Texts = ENGLISH) -> str:
    """What was done about a table that is not as expected."""
    if table.accepted:
        return texts.gettext("taken as it is: somebody accepted it")
    if table.table in night.stopped:
        return texts.gettext("stops the night")
    if night.stopped:
        return texts.gettext("would have been taken from yesterday")
    return texts.gettext(_USED[table.used])


def figure(measure: Measure, value: float | None) -> str:
    """A figure of a measure as the page writes it."""
    if value is None:
        return "–"
    if measure.name in _SHARES:
        return typeset(f"{100 * value:.2f}") + PERCENT
    return typeset(f"{value:,.1f}" if measure.name.startswith("hours") else f"{value:,.0f}")


def usual(measure: Measure, texts: Texts = ENGLISH) -> str:
    """What is usual of a measure, in words."""
    if measure.expected is None:
        return texts.gettext("not enough nights or rows yet")
    if measure.name in _SHARES:
        return texts.gettext("up to {value}").format(value=figure(measure, measure.high))
    low, high = (figure(measure, value) for value in (measure.low, measure.high))
    return texts.gettext("{figure} ({interval})").format(
        figure=figure(measure, measure.expected),
        interval=texts.gettext("{low} to {high}").format(low=low, high=high),
    )


def day_chart(table: TableVerdict) -> DayChart:
    """Draw rows by day, with the bounds of the last day."""
    rows = [*table.rows_by_day]
    bounds = next((measure for measure in table.measures if measure.name == "rows"), None)
    low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
    top = max([*rows, 1, high or 0])

    def from_top(count: float) -> float:
        return round(CHART_HEIGHT * (1 - count / top), 2)

    bars = [
        Bar(place * BAR_WIDTH, from_top(count), round(CHART_HEIGHT * count / top, 2))
        for place, count in enumerate(rows)
    ]
    return DayChart(
        bars=tuple(bars),
        width=BAR_WIDTH * max(len(rows), 1),
        low=None if low is None else from_top(low),
        high=None if high is None else from_top(high),
    )


def _listed(names: Sequence[str], texts: Texts) -> str:
    first = texts.gettext(", ").join(names[:-1])
    return texts.gettext(" and ").join(filter(None, [first, names[-1]]))
