"""What drives risk, for the training report: by driver, by reason, in the riskiest tenth, and for
some rows in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.encoding.encoding import Column
from models.reasons.explain import Explanation, by_reason
from models.reasons.meaning import FeatureMeaning
from models.reasons.views import CohortView, cohort_view, global_view
from models.reasons.worded import WordedReason, reasons
from models.scorer import Scorer
from models.words.catalogue import LANGUAGES, Catalogue, words
from models.words.forms import CODES
from reports.kit.drivers import Drivers, drivers
from reports.kit.forest import Entry, Forest, forest
from reports.kit.numbers import amount
from reports.training.words import named, plain
from reports.words.feature_words import about_words, unit_words
from reports.words.texts import Texts
from training.evaluation.assess import EVERYBODY
from training.evaluation.assessment import Estimate
from training.operator.model import ExplainedRows, OperatorModel

"""What each language calls itself."""

CONTRASTS = 8
"""Most reasons in which the riskiest tenth is compared with the rest."""

FEATURES = 20
"""Most single features that the table lists."""

_REASONS_EACH = 4
_TENTH = 0.9
_UNITS_LEFT_OUT = frozenset({"", "code", "ratio", "share", "yes or no"})


@dataclass(frozen=True)
class DriverBar:
    """How much a driver changes predictions: widths in per cent of the strongest driver's, the second
    of the part that care can change.
    """

    label: str
    share: float
    width: float
    changeable_width: float


@dataclass(frozen=True)
class Example:
    """A test row in words.

    Parameters
    ----------
    stratum : str
        Its stratum in words; empty where all rows are of one.
    probability : float
        Its calibrated probability.
    band : str
        High, medium or low, in words.
    reasons : dict of str to tuple of WordedReason
        Strongest first, by language.
    """

    stratum: str
    probability: float
    band: str
    reasons: dict[str, tuple[WordedReason, ...]]


@dataclass(frozen=True)
class SingleFeature:
    """A feature by itself: mean absolute contribution in log-odds."""

    meaning: FeatureMeaning
    mean: float


@dataclass(frozen=True)
class ReasonsView:
    """The section of what drives risk.

    Parameters
    ----------
    bars : tuple of DriverBar
        By driver, strongest first.
    drivers : Drivers
        By reason, with dots.
    riskiest : Forest or None
        How the riskiest tenth differs; None if all rows have the same probability.
    examples : tuple of Example
        Some rows in words.
    features : tuple of SingleFeature
        Strongest first.
    language : str
        Of the words.
    others : tuple of str
        The other languages of the examples.
    """

    bars: tuple[DriverBar, ...]
    drivers: Drivers
    riskiest: Forest | None
    examples: tuple[Example, ...]
    features: tuple[SingleFeature, ...]
    language: str
    others: tuple[str, ...]


def reasons_view(model: OperatorModel, texts: Texts) -> ReasonsView:
    """What drives risk."""
    language, sample, meanings = texts.language, model.sample, model.meanings
    top = sample.probability > np.quantile(sample.probability, _TENTH)
    apart = cohort_view(sample.explanation, sample.matrix, meanings, top) if top.any() else None
    return ReasonsView(
        bars=_bars(sample.explanation, meanings, language),
        drivers=_by_reason(sample, meanings, texts),
        riskiest=_contrasts(apart, texts) if apart else None,
        examples=_examples(model, texts),
        features=_features(sample.explanation, meanings),
        language=language,
        others=tuple(other for other in LANGUAGES if other != language),
    )


def _bars(
    explanation: Explanation, meanings: Sequence[FeatureMeaning], language: str
) -> tuple[DriverBar, ...]:
    strengths = global_view(explanation, meanings).drivers
    most = max((strength.mean for strength in strengths), default=0.0) or 1.0
    label = words(language).driver_label
    return tuple(
        DriverBar(
            label(strength.key),
            strength.share,
            100 * strength.mean / most,
            100 * strength.mean * strength.actionable / most,
        )
        for strength in strengths
    )


def _by_reason(sample: ExplainedRows, meanings: Sequence[FeatureMeaning], texts: Texts) -> Drivers:
    """The strongest reasons, coloured by the value of the feature that contributes most."""
    groups, catalogue = by_reason(sample.explanation, meanings), words(texts.language)
    weights = np.abs(sample.explanation.contributions).mean(axis=0)
    heaviest = [max(members, key=lambda position: weights[position]) for members in groups.members]
    columns, notes, descriptions = [], [], []
    for key, members, position in zip(groups.names, groups.members, heaviest, strict=True):
        meaning = meanings[position]
        columns.append(_column(meaning.reason_label(catalogue), key, meaning, catalogue))
        unit = (
            ""
            if meaning.unit in _UNITS_LEFT_OUT
            else texts.gettext(" ({unit})").format(unit=unit_words(meaning.unit, texts))
        )
        template = (
            texts.gettext("{driver}: mostly {feature}.")
            if len(members) > 1
            else texts.gettext("{driver}: {feature}.")
        )
        notes.append(
            template.format(
                driver=catalogue.driver_label(meaning.driver), feature=plain(meaning.name) + unit
            )
        )
        about = about_words(meaning.about, texts).replace("`", "")
        descriptions.append(about + texts.gettext(". ").strip())
    grouped = Explanation(sample.explanation.base, groups.contributions)
    return drivers(
        columns,
        np.ascontiguousarray(sample.matrix[:, heaviest]),
        grouped,
        notes=notes,
        descriptions=descriptions,
        digits=3,
        texts=texts,
    )


def _column(name: str, key: str, meaning: FeatureMeaning, catalogue: Catalogue) -> Column:
    if meaning.unit != "code" or meaning.name not in CODES:
        return Column(name=name, feature=key, kind="number", why="", categories=())
    texts = catalogue.features[meaning.name]
    categories = tuple(texts[str(code)] for code in range(CODES[meaning.name]))
    return Column(name=name, feature=key, kind="category", why="", categories=categories)


def _contrasts(view: CohortView, texts: Texts) -> Forest:
    label = words(texts.language).reason_label
    entries = [
        Entry(
            label=label(contrast.key),
            note=plain(contrast.feature)
            + ("" if contrast.unit in _UNITS_LEFT_OUT else f", {unit_words(contrast.unit, texts)}"),
            estimate=Estimate(contrast.cohort, contrast.cohort, contrast.cohort),
            text=texts.gettext("{here}, others {others}").format(
                here=_number(contrast.cohort_value, texts),
                others=_number(contrast.rest_value, texts),
            ),
            kind="worse" if contrast.difference > 0 else "ours",
            before=contrast.rest,
        )
        for contrast in view.contrasts[:CONTRASTS]
    ]
    return forest(
        [("", entries)],
        sign=True,
        reference=0.0,
        left=texts.gettext("lowers"),
        right=texts.gettext("raises"),
    )


def _number(value: float, texts: Texts) -> str:
    return texts.gettext("unknown") if np.isnan(value) else amount(value)


def _examples(model: OperatorModel, texts: Texts) -> tuple[Example, ...]:
    """The riskiest row of each stratum in the sample, and one of medium risk."""
    sample = model.sample
    strata = list(dict.fromkeys(sample.stratum.tolist()))
    chosen = [
        int(
            max(
                np.flatnonzero(sample.stratum == name),
                key=lambda row: (sample.probability[row], -row),
            )
        )
        for name in sorted(strata)
    ]
    middle = np.argsort(sample.probability, kind="stable")[len(sample.probability) // 2]
    rows = list(
        dict.fromkeys([*sorted(chosen, key=lambda row: -sample.probability[row]), int(middle)])
    )
    some = Scorer(model.version, threads=0).as_told(
        Explanation(sample.explanation.base[rows], sample.explanation.contributions[rows]),
        sample.matrix[rows],
    )
    in_words = {
        language: reasons(some, sample.matrix[rows], model.meanings, language, _REASONS_EACH)
        for language in LANGUAGES
    }
    band_words = words(texts.language).bands
    bands = model.version.main.bands.assign(sample.probability[rows])
    return tuple(
        Example(
            stratum=named(str(sample.stratum[row]), texts)
            if sample.stratum[row] != EVERYBODY
            else "",
            probability=float(sample.probability[row]),
            band=band_words[str(bands[place])],
            reasons={language: of_rows[place] for language, of_rows in in_words.items()},
        )
        for place, row in enumerate(rows)
    )


def _features(
    explanation: Explanation, meanings: Sequence[FeatureMeaning]
) -> tuple[SingleFeature, ...]:
    means = np.abs(explanation.contributions).mean(axis=0)
    order = np.argsort(-means, kind="stable")[:FEATURES]
    return tuple(
        SingleFeature(meanings[position], float(means[position]))
        for position in order
        if means[position] > 0
    )
