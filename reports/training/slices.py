"""Slices in the training report: for which rows a model is better or worse than a baseline, or than
for all other rows.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.kit.forest import Entry, Forest, Kind, forest, scaled
from reports.kit.numbers import PERCENT
from reports.training.figures import RATIOS, interval, of_rows
from reports.training.words import named
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assessment import Assessment, Estimate, Slice

# Rare values that are named in a row; if there are more, they are counted.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Standing:
    """A slice for which the model is clearly better or worse than a baseline, or than for all other
    rows, and by how much.
    """

    column: str
    value: str
    text: str


def slice_words(value: str, texts: Texts = ENGLISH) -> str:
    """A slice's value without underscores: ``18–24``, ``sole trader``."""
    return named(re.sub(r"(?<=\d)_(?=\d)", "\N{EN DASH}", value), texts)


def slice_forest(assessment: Assessment, texts: Texts = ENGLISH) -> Forest:
    """AUC of every slice with enough customers to be compared with all others."""

    def entry(value: str, figures: Slice) -> Entry:
        return _ranking_entry(value, figures, texts)

    return forest(
        [
            (
                named(column, texts).capitalize(),
                [*_entries(values, entry), *_too_few(values, texts)],
            )
            for column, values in assessment.slices.items()
        ],
        reference=assessment.metrics["auc"].value if "auc" in assessment.metrics else None,
        most=(0.0, 1.0),
        left=texts.gettext("ranks worse"),
        right=texts.gettext("ranks better"),
    )


def slice_ratio_forest(assessment: Assessment, texts: Texts = ENGLISH) -> Forest:
    """Observed over expected of every slice of the test rows."""

    def entry(value: str, figures: Slice) -> Entry:
        ratio = figures.metrics.get("observed_over_expected")
        off = ratio is not None and not ratio.low <= 1 <= ratio.high
        return Entry(
            label=slice_words(value, texts),
            estimate=ratio,
            text=interval(ratio, 2, texts=texts),
            kind="worse" if off else "ours",
        )

    return forest(
        [
            (
                named(column, texts).capitalize(),
                [*_entries(values, entry), *_too_few(values, texts)],
            )
            for column, values in assessment.slices.items()
        ],
        reference=1.0,
        most=RATIOS,
        left=texts.gettext("too high"),
        right=texts.gettext("too low"),
    )


def standings(assessment: Assessment, *, worse: bool, texts: Texts = ENGLISH) -> list[Standing]:
    """Slices that are flagged, or those that the model ranks clearly better than all other rows."""
    return [
        Standing(
            named(column, texts),
            slice_words(value, texts),
            texts.gettext("AUC {auc}, minus that of all others {gap}").format(
                auc=interval(figures.metrics.get("auc"), 2, texts=texts),
                gap=interval(figures.gap, 2, sign=True, texts=texts),
            ),
        )
        for column, value, figures in _compared(assessment)
        if figures.gap is not None and (figures.flagged if worse else figures.gap.low > 0)
    ]


def baseline_slice_forest(
    assessment: Assessment, baseline: str, texts: Texts = ENGLISH
) -> Forest | None:
    """By how many per cent the log loss of every slice is lower than a baseline's; None where that is
    not known.
    """

    def entry(value: str, figures: Slice) -> Entry:
        lower = _lower_loss(figures, baseline)
        kind: Kind = (
            "unclear"
            if lower is None or lower.low <= 0 <= lower.high
            else "better"
            if lower.low > 0
            else "worse"
        )
        return Entry(
            label=slice_words(value, texts),
            estimate=lower,
            text=interval(lower, 1, sign=True, texts=texts),
            kind=kind,
            note=of_rows(figures, texts),
        )

    if not any(_lower_loss(figures, baseline) for _, _, figures in _compared(assessment)):
        return None
    return forest(
        [
            (
                named(column, texts).capitalize(),
                [*_entries(values, entry), *_too_few(values, texts)],
            )
            for column, values in assessment.slices.items()
        ],
        sign=True,
        reference=0.0,
        left=texts.gettext("worse"),
        right=texts.gettext("better"),
    )


def baseline_standings(
    assessment: Assessment, baseline: str, *, worse: bool, texts: Texts = ENGLISH
) -> list[Standing]:
    """Slices where the model's log loss is clearly higher, or lower, than a baseline's."""
    clear = []
    for column, value, here in _compared(assessment):
        lower = _lower_loss(here, baseline)
        if lower is not None and (lower.high < 0 if worse else lower.low > 0):
            clear.append(
                Standing(
                    named(column, texts),
                    slice_words(value, texts),
                    interval(lower, 1, sign=True, unit=PERCENT, texts=texts),
                )
            )
    return clear


def by_column(shown: Sequence[Standing]) -> dict[str, list[str]]:
    """Values of slices by their columns."""
    columns: dict[str, list[str]] = {}
    for standing in shown:
        columns.setdefault(standing.column, []).append(standing.value)
    return columns


def _lower_loss(figures: Slice, baseline: str) -> Estimate | None:
    ours, difference = figures.metrics.get("log_loss"), figures.difference.get(baseline)
    if ours is None or difference is None or not ours.value - difference.value > 0:
        return None
    return scaled(difference, -100 / (ours.value - difference.value))


def _compared(assessment: Assessment) -> Iterator[tuple[str, str, Slice]]:
    for column, values in assessment.slices.items():
        for value, figures in values.items():
            if figures.gap is not None:
                yield column, value, figures


def compared_slices(assessment: Assessment) -> int:
    """Number of slices with enough customers to be compared with all others."""
    return sum(1 for _ in _compared(assessment))


def _entries(values: Mapping[str, Slice], entry: Callable[[str, Slice], Entry]) -> list[Entry]:
    return [entry(value, figures) for value, figures in values.items() if figures.gap is not None]


def _too_few(values: Mapping[str, Slice], texts: Texts) -> Iterator[Entry]:
    """One row for all values with too few customers to be compared."""
    rare = [slice_words(value, texts) for value, figures in values.items() if figures.gap is None]
    if rare:
        label = (
            texts.gettext(", ").join(rare)
            if len(rare) <= _MOST_NAMED
            else texts.gettext("{count} values").format(count=len(rare))
        )
        yield Entry(
            label=label, estimate=None, text=texts.gettext("too few customers"), kind="unclear"
        )


def _ranking_entry(value: str, figures: Slice, texts: Texts) -> Entry:
    auc, gap = figures.metrics.get("auc"), figures.gap
    kind: Kind = (
        "worse" if figures.flagged else "better" if gap is not None and gap.low > 0 else "unclear"
    )
    return Entry(
        label=slice_words(value, texts),
        estimate=auc,
        text=interval(auc, 2, texts=texts),
        kind=kind,
        note=of_rows(figures, texts),
    )
