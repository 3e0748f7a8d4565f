"""The training report: one HTML file that says whether a model is better than the champion, on
whom, and how certain that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from models.targets import TARGETS
from reports.kit import swarm
from reports.kit.forest import Forest
from reports.kit.page import environment, inline_svg
from reports.training import figures as model_figures
from reports.training import making as model_making
from reports.training.assessment_plots import calibration_figure, decay_figure, tuning_figure
from reports.training.comparison import COMPARED, RIVALS, OverallComparison, compare
from reports.training.figures import horizon_words, interval, rival_words
from reports.training.reasons import LANGUAGE_NAMES, reasons_view
from reports.training.survey import survey_view
from reports.training.words import (
    flag_meaning,
    flag_remedy,
    flag_title,
    plain,
    refusals,
    target_words,
)
from training.evaluation.metrics import METRICS
from training.operator.model import OperatorModel
from training.release.verdict import Verdict
from training.settings import AssessmentSettings

_HEADLINES = {
    "better": "Better than {rival}",
    "unclear": "Not clearly better than {rival}",
    "worse": "Worse than {rival}",
    "mixed": "In part better, in part worse than {rival}",
}


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What the page says first.

    Parameters
    ----------
    eyebrow, title : str
        The answer in a few words, and what stands above it.
    rival : str
        Whom the model is compared with, in words.
    comparison : OverallComparison or None
        The figures behind it; None where there is nothing to compare with.
    incomparable : str
        Why the champion could not be compared with, if there is one.
    """

    eyebrow: str
    title: str
    rival: str
    comparison: OverallComparison | None
    incomparable: str


def render_model_report(
    model: OperatorModel,
    verdict: Verdict,
    version_number: str | None,
    survey: Mapping[str, Any] | None = None,
    language: str = "en",
) -> str:
    """Write the training report.

    Parameters
    ----------
    model : OperatorModel
        The model and everything known about it.
    verdict : Verdict
        What the gate would say if the version were promoted now.
    version_number : str or None
        Number that it is registered under; None where it is not yet.
    survey : mapping, optional
        What is to be known of the answers behind a dissatisfaction target:
        `training.surveys.dataset.SurveyFacts` as JSON.
    language : str
        Of the words about drivers, reasons and single rows, as a BCP 47 tag.

    Returns
    -------
    str
        An HTML document, the same bytes for the same arguments.
    """
    facts, assessments = model.facts, model.assessments
    champion = facts.champion.number
    first = headline(model)
    others = _others(model, first)
    words = target_words(facts.target)
    main_horizon = list(assessments)[-1]
    main = assessments[main_horizon]
    target = TARGETS.get(facts.target)
    return (
        environment()
        .get_template("training/report.html.j2")
        .render(
            model=model,
            facts=facts,
            verdict=verdict,
            refusals=refusals(verdict),
            number=version_number,
            words=words,
            about=target.about if target else "",
            headline=first,
            main=main,
            main_horizon=main_horizon,
            assessments=assessments,
            champion=champion,
            settings=AssessmentSettings.read(),
            figures=_figures(model, main_horizon),
            first=_differences(first.comparison) if first.comparison else None,
            # A constant ranks nothing: only its probabilities are worth a comparison.
            others=(
                model_figures.difference_forest(
                    [item for item in others if item[1].rival != "constant"], "auc"
                ),
                model_figures.difference_forest(others, "log_loss"),
            ),
            survey=None if survey is None else survey_view(survey),
            risk=reasons_view(model, language),
            language_names=LANGUAGE_NAMES,
            swarm=swarm,
            metrics=METRICS,
            interval=interval,
            horizon_words=horizon_words,
            rival_words=rival_words,
            plain=plain,
            flags=[
                (flag_title(flag, words.outcome), flag_meaning(flag), flag_remedy(flag))
                for flag in facts.flags
            ],
            views=model_figures,
            making=model_making,
        )
    )


def headline(model: OperatorModel) -> Headline:
    """Say in words whether the model is better, and than what."""
    compared_with = model.facts.champion
    found = compare(model.assessments, "champion")
    if found is not None:
        rival = rival_words("champion", compared_with.number)
        return Headline(
            eyebrow=f"Compared with {rival}, which is in production",
            title=_HEADLINES[found.outcome].format(rival=rival),
            rival=rival,
            comparison=found,
            incomparable="",
        )
    constant, logistic = (compare(model.assessments, name) for name in ("constant", "logistic"))
    first = logistic or constant
    title = _HEADLINES[first.outcome] if first else ""
    if constant is not None and any(
        constant.main.outcome(metric) != "better" for metric in COMPARED
    ):
        # Whoever does not clearly beat knowing nothing need not be compared with more; the gate
        # asks for both.
        first, title = (
            constant,
            _HEADLINES["unclear" if constant.outcome == "better" else constant.outcome],
        )
    why = "" if compared_with.number is None else compared_with.why or "its figures are missing"
    if first is None:
        return Headline(
            eyebrow="Compared with nothing",
            title="Not compared",
            rival="",
            comparison=None,
            incomparable=why,
        )
    rival = f"a {rival_words(first.rival, None)}"
    eyebrow = "No champion yet: compared with a constant and a logistic regression"
    if compared_with.number is not None:
        eyebrow = f"Version {compared_with.number}, in production, cannot be compared with"
    return Headline(
        eyebrow=eyebrow,
        title=title.format(rival=rival),
        rival=rival,
        comparison=first,
        incomparable=why,
    )


def _figures(model: OperatorModel, main_horizon: str) -> dict[str, Markup]:
    """Figures by name, as SVG; there is nothing but our own words in them."""
    found = {}
    for horizon, assessment in model.assessments.items():
        for place, stratum in enumerate(model_figures.strata_of({horizon: assessment})):
            found[f"calibration-{horizon}-{place}"] = calibration_figure(assessment.strata[stratum])
    decay = model.assessments[main_horizon].decay
    if len(decay) > 1:
        found["decay-auc"] = decay_figure(model.assessments[main_horizon])
        found["decay-ratio"] = decay_figure(
            model.assessments[main_horizon], "observed_over_expected"
        )
    if any(trial.value is not None for trial in model.tuned.trials[1:]):
        found["tuning"] = tuning_figure(model.tuned)
    return {name: Markup(inline_svg(figure, name)) for name, figure in found.items()}  # noqa: S704  drawn by us


def _differences(found: OverallComparison) -> tuple[Forest, Forest]:
    """Differences from a rival, in ranking and in probabilities."""
    return model_figures.difference_forest([("", found)], "auc"), model_figures.difference_forest(
        [("", found)], "log_loss"
    )


def _others(model: OperatorModel, first: Headline) -> list[tuple[str, OverallComparison]]:
    """Comparisons with all rivals that the headline is not about."""
    found = []
    for rival in RIVALS:
        comparison = compare(model.assessments, rival)
        if comparison is not None and not (first.comparison and first.comparison.rival == rival):
            found.append(
                (
                    f"Against {'a ' if rival != 'champion' else ''}{rival_words(rival, None)}",
                    comparison,
                )
            )
    return found
