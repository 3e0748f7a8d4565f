"""What the report of a quickstart shows, gathered from the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed_version

import numpy as np

from features.encoding.encoding import Encoding
from features.flat.customers import CustomerTable
from holdfast.arrays import Floats
from models.bands import BAND_NAMES
from models.reasons.explain import Explanation
from models.scorer import Scorer
from reports.kit.page import drawn_svg
from reports.quickstart.care_list import CareEntry
from reports.quickstart.plots import evaluation_figures
from reports.quickstart.report import CARE_ENTRIES, BandCount, ModelFacts, ReportContent
from reports.words.texts import ENGLISH, Texts
from training.fitting.parameters import DEFAULT_SETS
from training.flat.evaluation import Evaluation
from training.flat.model import FlatModel
from training.flat.scores import CustomerScores
from training.settings import TrainingSettings

_SAMPLE_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a model was made from.

    Parameters
    ----------
    customers : CustomerTable
        As read.
    encoding : Encoding
        Its features.
    matrix : (n, k) float64
        Their values for all rows, as the feature store gives them.
    settings : TrainingSettings
        How the model was fitted and evaluated.
    """

    customers: CustomerTable
    encoding: Encoding
    matrix: Floats
    settings: TrainingSettings


@dataclass(frozen=True)
class ExplainedSample:
    """Some rows and their explanation: (m, k) float64 features, and contributions of the same
    shape.
    """

    matrix: Floats
    explanation: Explanation


def explained_sample(source: Source, scorer: Scorer) -> ExplainedSample:
    """Explain up to 2,000 rows, drawn by the training seed."""
    rows = len(source.matrix)
    random = np.random.default_rng(source.settings.seed)
    sample = source.matrix[np.sort(random.choice(rows, min(rows, _SAMPLE_ROWS), replace=False))]
    return ExplainedSample(sample, scorer.explain(sample))


def drawn_pictures(evaluation: Evaluation, texts: Texts = ENGLISH) -> dict[str, str]:
    """Plots of how good a model is, as SVG documents by name, for its report and its run."""
    return {name: drawn_svg(one) for name, one in evaluation_figures(evaluation, texts).items()}


def report_content(
    source: Source,
    training: FlatModel,
    sample: ExplainedSample,
    scores: CustomerScores,
    entries: list[CareEntry],
    pictures: Mapping[str, str],
    version: str,
    created: datetime,
    texts: Texts = ENGLISH,
) -> ReportContent:
    """Gather what the report shows.

    Parameters
    ----------
    source : Source
        What the model was made from.
    training : FlatModel
        The model and its figures.
    sample : ExplainedSample
        Rows whose contributions are drawn.
    scores : CustomerScores
        Everyone's scores.
    entries : list of CareEntry
        The whole care list.
    pictures : mapping of str to str
        Plots of how good the model is, as `drawn_pictures` gives them.
    version : str
        Number that the model is registered under.
    created : datetime
        The time now, with a time zone.
    texts : Texts
        In which language it is.
    """
    customers, model = source.customers, training.model
    roles = customers.roles
    return ReportContent(
        table=source.customers.name,
        target=roles.target,
        positive=roles.positive,
        id_column=roles.id,
        created=created,
        model_name=model.name,
        model_version=version,
        rows=len(customers.ids),
        labelled_rows=int(customers.known.sum()),
        evaluated=how_evaluated(source, training, texts),
        evaluation=training.evaluation,
        pictures=pictures,
        flags=training.flags,
        left_out=customers.left_out,
        readings=customers.plan.columns,
        notes=customers.notes,
        encoding=source.encoding,
        sample=sample.matrix,
        explanation=sample.explanation,
        bounds=model.main.bands,
        bands=_band_counts(customers, scores),
        care=tuple(entries[:CARE_ENTRIES]),
        care_customers=len(entries),
        value_column=roles.value,
        facts=ModelFacts(
            trees=model.main.everyone.trees,
            leaves=max(int(str(parameters["num_leaves"])) for parameters in DEFAULT_SETS),
            calibration=training.calibration.kind,
            seed=source.settings.seed,
        ),
        versions={
            texts.gettext("table (SHA-256)"): customers.sha256,
            "holdfast": installed_version("holdfast"),
        },
    )


def how_evaluated(source: Source, training: FlatModel, texts: Texts = ENGLISH) -> str:
    """How a model was evaluated, such as ``5-fold cross-validation, repeated 2 times``."""
    group = source.customers.roles.group
    if source.customers.order is None:
        settings = source.settings
        how = texts.gettext("{folds}-fold cross-validation").format(folds=settings.folds)
        if settings.repeats > 1:
            how += texts.gettext(", repeated {times} times").format(times=settings.repeats)
    else:
        windows = len(training.out_of_fold.splits)
        how = texts.ngettext(
            "{windows} later time window, each with a model fitted on earlier rows",
            "{windows} later time windows, each with a model fitted on earlier rows",
            windows,
        ).format(windows=windows)
    if group:
        how += texts.gettext(", rows of one {group} kept together").format(group=group)
    return how


def _band_counts(customers: CustomerTable, scores: CustomerScores) -> tuple[BandCount, ...]:
    staying = customers.label != 1
    counts = []
    for name in BAND_NAMES:
        probability = scores.probability[staying & (scores.band == name)]
        counts.append(
            BandCount(
                name=name,
                customers=len(probability),
                expected_leavers=float(probability.sum()),
                sensitivity=float((probability * (1.0 - probability)).sum()),
            )
        )
    return tuple(counts)
