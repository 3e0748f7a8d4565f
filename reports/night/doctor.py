"""The doctor's page: tonight's raw tables beside those of other nights, in one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass

from features.intake.night_record import Overruling
from features.intake.verdicts import Measure, NightVerdict, TableVerdict
from reports.kit import swarm
from reports.kit.numbers import PERCENT, typeset
from reports.kit.page import environment

BAR_WIDTH, CHART_HEIGHT = 4, 40
_SHARES = ("share in quarantine",)


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


def render_doctor(night: NightVerdict, overrulings: Sequence[Overruling]) -> str:
    """Write the page: an HTML document, the same bytes for the same verdict.

    Parameters
    ----------
    night : NightVerdict
        The last night.
    overrulings : sequence of Overruling
        What people overruled, the oldest first.
    """
    return (
        environment()
        .get_template("night/doctor.html.j2")
        .render(
            night=night,
            headline=headline(night),
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


def headline(night: NightVerdict) -> str:
    """The night in one sentence."""
    if night.stopped:
        return f"Stopped by {_listed(night.stopped)}: nothing was replaced"
    if night.doubts:
        return f"Not as expected: {_listed(night.doubts)}"
    return "All tables as expected"


def done(night: NightVerdict, table: TableVerdict) -> str:
    """What was done about a table that is not as expected."""
    if table.accepted:
        return "taken as it is: somebody accepted it"
    if table.table in night.stopped:
        return "stops the night"
    if night.stopped:
        return "would have been taken from yesterday"
    return {
        "yesterday's": "yesterday's rows are used",
        "tonight's": "tonight's rows are used: there are no others",
        "none": "no rows are used",
    }[table.used]


def figure(measure: Measure, value: float | None) -> str:
    """A figure of a measure as the page writes it."""
    if value is None:
        return "–"
    if measure.name in _SHARES:
        return typeset(f"{100 * value:.2f}") + PERCENT
    return typeset(f"{value:,.1f}" if measure.name.startswith("hours") else f"{value:,.0f}")


def usual(measure: Measure) -> str:
    """What is usual of a measure, in words."""
    if measure.expected is None:
        return "not enough nights or rows yet"
    if measure.name in _SHARES:
        return f"up to {figure(measure, measure.high)}"
    low, high = (figure(measure, value) for value in (measure.low, measure.high))
    return f"{figure(measure, measure.expected)} ({low} to {high})"


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


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
