"""The report: one HTML file that says how good a model is, what goes with risk and who is at risk."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from care.care_list import CareEntry
from features.encoding import Column, Encoding
from models.bands import BandBounds
from models.reasons import Explanation
from pipeline.page import environment, inline_svg, png_base64, share, shorten, signed
from training import plots
from training.evaluate import Evaluation
from training.leaks import Flag
from training.split import Floats

CARE_ENTRIES = 25
"""Customers of the care list that the report shows, at most."""

_LONGEST_CATEGORY = 48
# Categories shown that go with higher risk, and as many with lower.
_EFFECTS = 2
# Rank correlation from which risk is said to rise or fall with a number.
_CLEAR_DIRECTION = 0.5
# How many tenths of the customers the words about gain speak of: what one campaign may well reach.
_TENTHS_PICKED = 3


@dataclass(frozen=True, kw_only=True)
class BandCount:
    """A risk band and the customers in it who have not left yet.

    Parameters
    ----------
    name : str
        ``high``, ``medium`` or ``low``.
    customers : int
        How many.
    expected_leavers : float
        Sum of their probabilities.
    """

    name: str
    customers: int
    expected_leavers: float


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What the model consists of.

    Parameters
    ----------
    trees : int
        Trees of the booster.
    leaves : int
        Leaves of its largest tree.
    slope, intercept : float
        The calibration's curve over the raw margin.
    seed : int
        Seed of every random choice in training.
    """

    trees: int
    leaves: int
    slope: float
    intercept: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Everything the report says.

    Parameters
    ----------
    table : str
        The table's name, without its directory.
    target : str
        Column that says who left.
    positive : tuple of str
        The target's values that mean left.
    id_column : str or None
        Column that names customers; None where the row number does.
    created : datetime
        When the model was made, with a time zone.
    model_name, model_version : str
        As registered.
    rows, labelled_rows : int
        Rows of the table, and those whose outcome is known.
    judged : str
        How the model was judged, such as ``5-fold cross-validation, repeated 2 times``.
    evaluation : Evaluation
        How good it is.
    flags : tuple of Flag
        What the leak watch found.
    left_out : tuple of str
        Columns left out because they are not available at scoring, or hold nothing.
    encoding : Encoding
        The k features and the columns they come from.
    sample : (m, k) float64
        Features of a sample of rows, NaN for missing; m at least 1.
    explanation : Explanation
        Of the same m rows.
    bounds : BandBounds
        Where the bands begin.
    bands : tuple of BandCount
        Riskiest first.
    care : tuple of CareEntry
        Head of the care list, at most `CARE_ENTRIES`.
    care_customers : int
        Customers on the whole care list: all who have not left yet.
    value_column : str or None
        What a customer is worth; None where the care list goes by risk alone.
    facts : ModelFacts
        What the model consists of.
    versions : mapping of str to str
        What else went in, by name, such as the SHA-256 of the table and the version of holdfast.
    """

    table: str
    target: str
    positive: tuple[str, ...]
    id_column: str | None
    created: datetime
    model_name: str
    model_version: str
    rows: int
    labelled_rows: int
    judged: str
    evaluation: Evaluation
    flags: tuple[Flag, ...]
    left_out: tuple[str, ...]
    encoding: Encoding
    sample: Floats
    explanation: Explanation
    bounds: BandBounds
    bands: tuple[BandCount, ...]
    care: tuple[CareEntry, ...]
    care_customers: int
    value_column: str | None
    facts: ModelFacts
    versions: Mapping[str, str]

    @property
    def customers_in_bands(self) -> int:
        """Customers who have not left yet and whose probability is known."""
        return sum(band.customers for band in self.bands)

    @property
    def expected_leavers(self) -> float:
        """Sum of their probabilities."""
        return sum(band.expected_leavers for band in self.bands)


@dataclass(frozen=True)
class _Effect:
    values: str
    contribution: float


@dataclass(frozen=True)
class _Driver:
    name: str
    mean: float
    direction: str
    effects: tuple[_Effect, ...]
    low: float
    high: float
    strip: str


def render_report(content: ReportContent) -> str:
    """Write the report: an HTML document, the same bytes for the same content."""
    drivers = tuple(_drivers(content))
    means = np.abs(content.explanation.contributions).mean(axis=0)
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            evaluation=content.evaluation,
            figures=_figures(content.evaluation),
            gain=[float(line[: _TENTHS_PICKED + 1][-1]) for line in plots.gain_curve(content.evaluation)],
            drivers=drivers,
            other_features=len(means) - len(drivers),
            other_mean=float(means.sum()) - sum(driver.mean for driver in drivers),
            ticks=_ticks(content.explanation),
            plots=plots,
            stacks=_stacks(content),
        )
    )


def _figures(evaluation: Evaluation) -> dict[str, str]:
    names = ((Path(file).stem, figure) for file, figure in plots.plots(evaluation).items())
    return {name: inline_svg(figure, name) for name, figure in names}


def _drivers(content: ReportContent) -> Iterator[_Driver]:
    bounds = plots.contribution_range(content.explanation)
    for position in plots.strongest_features(content.explanation):
        column = content.encoding.columns[position]
        values, contributions = content.sample[:, position], content.explanation.contributions[:, position]
        direction, effects = (
            _by_category(column, values, contributions)
            if column.kind == "category"
            else _by_amount(column, values, contributions)
        )
        yield _Driver(
            name=column.name,
            mean=float(np.abs(contributions).mean()),
            direction=direction,
            effects=(*effects, *_of_missing(values, contributions)),
            low=float(contributions.min()),
            high=float(contributions.max()),
            strip=png_base64(plots.beeswarm_strip(contributions, values, column, bounds)),
        )


def _ticks(explanation: Explanation) -> list[tuple[float, str]]:
    """Where the marks of the bee-swarms' scale stand, in per cent of its width, and what they say."""
    low, high = plots.contribution_range(explanation)
    ticks = plots.contribution_ticks((low, high))
    step = round(min(np.diff(ticks), default=1.0), 9)
    digits = max(0, -math.floor(math.log10(step)))
    return [(100 * (tick - low) / (high - low), signed(tick, digits) if abs(tick) > step / 2 else "0") for tick in ticks]


def _by_category(column: Column, values: Floats, contributions: Floats) -> tuple[str, tuple[_Effect, ...]]:
    """The categories that go with the highest and the lowest risk, leaving out those that hardly any sampled row has."""
    codes, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    means = {str(column.decode(code)): float(contributions[values == code].mean()) for code in codes[counts >= _fewest(values)]}
    ordered = sorted(means.items(), key=lambda item: -item[1])
    chosen = [item for item in ordered if item[1] > 0][:_EFFECTS] + [item for item in ordered if item[1] <= 0][-_EFFECTS:]
    return "", tuple(_Effect(shorten(category, _LONGEST_CATEGORY), mean) for category, mean in chosen)


def _by_amount(column: Column, values: Floats, contributions: Floats) -> tuple[str, tuple[_Effect, ...]]:
    """Which way risk goes with a number or date, and the mean contribution of its lowest and highest quarter."""
    present = ~np.isnan(values)
    known, moved = values[present], contributions[present]
    if not len(known) or known.min() == known.max():
        return (
            ("One value throughout the sample.", (_Effect(_amount(column, known[0]), float(moved.mean())),))
            if len(known)
            else ("", ())
        )
    low, high = np.quantile(known, [0.25, 0.75], method="inverted_cdf")
    if low == high:
        low, high = known.min(), known.max()
    until = "" if low == known.min() else "up to "
    since = "" if high == known.max() else " and more" if column.kind == "number" else " and later"
    effects = (
        _Effect(f"{until}{_amount(column, low)}", float(moved[known <= low].mean())),
        _Effect(f"{_amount(column, high)}{since}", float(moved[known >= high].mean())),
    )
    return _direction(column, known, moved), effects


def _direction(column: Column, values: Floats, contributions: Floats) -> str:
    higher, lower = ("Higher", "lower") if column.kind == "number" else ("Later", "earlier")
    agreement = 0.0 if np.ptp(contributions) == 0 else float(spearmanr(values, contributions).statistic)
    if agreement >= _CLEAR_DIRECTION:
        return f"{higher} values go with higher risk."
    if agreement <= -_CLEAR_DIRECTION:
        return f"{higher} values go with lower risk."
    return f"Neither {higher.lower()} nor {lower} values go with higher risk throughout."


def _of_missing(values: Floats, contributions: Floats) -> tuple[_Effect, ...]:
    missing = np.isnan(values)
    if missing.all():
        return (_Effect("missing in the whole sample", float(contributions.mean())),)
    if missing.sum() < _fewest(values):
        return ()
    return (_Effect(f"missing ({share(float(missing.mean()))})", float(contributions[missing].mean())),)


def _fewest(values: Floats) -> int:
    return max(1, len(values) // 100)


def _stacks(content: ReportContent) -> list[tuple[str, list[tuple[str, float, float]]]]:
    """Two bars in per cent of their length: how customers, and how expected leavers, part into bands."""
    return [
        ("Customers", _stack({band.name: band.customers for band in content.bands})),
        ("Expected leavers", _stack({band.name: band.expected_leavers for band in content.bands})),
    ]


def _stack(sizes: Mapping[str, float]) -> list[tuple[str, float, float]]:
    widths = [100 * size / (sum(sizes.values()) or 1) for size in sizes.values()]
    return [(name, sum(widths[:place]), widths[place]) for place, name in enumerate(sizes)]


def _amount(column: Column, code: float) -> str:
    if column.kind == "date":
        return str(column.decode(code))
    text = f"{round(code):.15g}" if code == round(code) or abs(code) >= 1e5 else f"{code:.6g}"
    return text.replace("-", "\N{MINUS SIGN}")
