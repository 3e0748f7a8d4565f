"""The report of a quickstart: one HTML file about how good the model is, what goes with risk, and
who is at risk.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from features.encoding.encoding import Encoding
from features.tables.column_reading import ColumnReading
from holdfast.arrays import Floats
from models.bands import BandBounds
from models.level.revision import assumed_level
from models.reasons.explain import Explanation
from models.words.catalogue import words
from reports.kit import swarm
from reports.kit.drivers import drivers
from reports.kit.flags import flag_words
from reports.kit.page import environment, page_svg
from reports.quickstart.care_list import CareEntry
from reports.quickstart.plots import gain_curve
from reports.words.texts import ENGLISH, Texts, to_translate
from training.evaluation.leaks import Flag
from training.flat.evaluation import Evaluation

CARE_ENTRIES = 25
"""Most customers of the care list that the report shows."""

KINDS = {
    "number": to_translate("number"),
    "category": to_translate("category"),
    "date": to_translate("date"),
    "flag": to_translate("flag"),
    "id": to_translate("id"),
    "text": to_translate("text"),
}

# Tenths of the customers in the caption about gain: as many as one campaign may reach.
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
    sensitivity : float
        How much of that sum one unit of log-odds moves: the sum of ``p (1 - p)``.
    """

    name: str
    customers: int
    expected_leavers: float
    sensitivity: float


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What the model consists of.

    Parameters
    ----------
    trees : int
        Trees of all boosters.
    leaves : int
        Most leaves of a tree.
    calibration : str
        The kind of the curve over the raw margin: one of `models.calibration.KINDS`.
    seed : int
        Seed of every random choice in training.
    """

    trees: int
    leaves: int
    calibration: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Everything that the report shows.

    Parameters
    ----------
    table : str
        The table's name, without its directory.
    target : str
        Column with the outcome.
    positive : tuple of str
        The target's values of customers who left.
    id_column : str or None
        Column that identifies customers; None if row numbers do.
    created : datetime
        When the model was made, with a time zone.
    model_name, model_version : str
        As registered.
    rows, labelled_rows : int
        Rows of the table, and those whose outcome is known.
    evaluated : str
        How the model was evaluated, such as ``5-fold cross-validation, repeated 2 times``.
    evaluation : Evaluation
        How good it is.
    pictures : mapping of str to str
        `reports.quickstart.plots.evaluation_figures`, drawn by `reports.kit.page.drawn_svg`.
    flags : tuple of Flag
        What the leak watch found.
    left_out : tuple of str
        Columns left out because they are not known at scoring, hold no information, or are ids or
        texts.
    readings : tuple of ColumnReading
        How each column of the table was read.
    notes : tuple of str
        What was decided about the file and the target.
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
        Start of the care list, at most `CARE_ENTRIES`.
    care_customers : int
        Customers on the whole care list: all who have not left yet.
    value_column : str or None
        Column with the value of a customer; None if the care list is ordered by risk alone.
    facts : ModelFacts
        What the model consists of.
    versions : mapping of str to str
        What else the model depends on, by name: the SHA-256 of the table, the version of holdfast.
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
    evaluated: str
    evaluation: Evaluation
    pictures: Mapping[str, str]
    flags: tuple[Flag, ...]
    left_out: tuple[str, ...]
    readings: tuple[ColumnReading, ...]
    notes: tuple[str, ...]
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

    @property
    def expected_bounds(self) -> tuple[float, float]:
        """Bounds of that sum, for a level of risk of which a table tells nothing."""
        sensitivity = sum(band.sensitivity for band in self.bands)
        return assumed_level().band(self.expected_leavers, {"": sensitivity})


def render_report(content: ReportContent, texts: Texts = ENGLISH) -> str:
    """Write the report: an HTML document, the same bytes for the same content and language."""
    return (
        environment(texts)
        .get_template("quickstart/report.html.j2")
        .render(
            content=content,
            evaluation=content.evaluation,
            flags=[
                flag_words(flag, texts.gettext("which customers left"), texts)
                for flag in content.flags
            ],
            figures={name: page_svg(svg, name) for name, svg in content.pictures.items()},
            gain=[float(line[: _TENTHS_PICKED + 1][-1]) for line in gain_curve(content.evaluation)],
            drivers=drivers(
                content.encoding.columns, content.sample, content.explanation, texts=texts
            ),
            swarm=swarm,
            stacks=_stacks(content, texts),
            bands=words(texts.language).bands,
            kinds={kind: texts.gettext(text) for kind, text in KINDS.items()},
        )
    )


def _stacks(
    content: ReportContent, texts: Texts
) -> list[tuple[str, list[tuple[str, float, float]]]]:
    """Two bars, in per cent of their length: customers, and expected leavers, by band."""
    return [
        (texts.gettext("Customers"), _stack({band.name: band.customers for band in content.bands})),
        (
            texts.gettext("Expected leavers"),
            _stack({band.name: band.expected_leavers for band in content.bands}),
        ),
    ]


def _stack(sizes: Mapping[str, float]) -> list[tuple[str, float, float]]:
    widths = [100 * size / (sum(sizes.values()) or 1) for size in sizes.values()]
    return [(name, sum(widths[:place]), widths[place]) for place, name in enumerate(sizes)]
