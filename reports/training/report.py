"""The training report: one HTML file that shows whether a model is better than the champion, for
which rows, and how certain that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from markupsafe import Markup

from holdfast.sentences import sentence
from models.targets import TARGETS
from reports.kit import swarm
from reports.kit.flags import flag_words
from reports.kit.forest import Forest
from reports.kit.numbers import share
from reports.kit.page import environment, inline_svg
from reports.training import figures as model_figures
from reports.training import making as model_making
from reports.training import slices as model_slices
from reports.training.assessment_plots import calibration_figure, decay_figure, tuning_figure
from reports.training.comparison import BASELINES, COMPARED, OverallComparison, compare
from reports.training.figures import (
    baseline_in_sentence,
    baseline_words,
    bounds,
    champion_words,
    horizon_words,
    interval,
    stratum_words,
)
from reports.training.level import level_view
from reports.training.reasons import reasons_view
from reports.training.survey import survey_view
from reports.training.words import (
    about,
    flag_remedy,
    found_words,
    named,
    plain,
    refusals,
    target_words,
)
from reports.words.feature_words import about_words, unit_words
from reports.words.texts import ENGLISH, LANGUAGE_NAMES, Texts, to_translate
from reports.words.texts import texts as texts_of
from training.evaluation.assess import has_strata
from training.evaluation.assessment import ANSWERS_VARY
from training.evaluation.baselines import CONSTANT
from training.evaluation.metrics import METRICS
from training.evaluation.signal import Signal, signal_of_assessments
from training.labelling.care.told import care_of
from training.operator.model import OperatorModel
from training.release.gate import SHADOW_RULES
from training.release.level import find_level
from training.release.refit import read_refit
from training.release.verdict import Verdict

_HEADLINES = {
    "better": to_translate("Better than {baseline}"),
    "unclear": to_translate("Not clearly better than {baseline}"),
    "worse": to_translate("Worse than {baseline}"),
    "mixed": to_translate("Better than {baseline} in part, worse in part"),
}

_BETTER_IN_ONE = {
    "auc": to_translate("Better ranking than {baseline}, probabilities not clearly better"),
    "log_loss": to_translate("Better probabilities than {baseline}, ranking not clearly better"),
}
"""Headlines where only one of `COMPARED` is clearly better: "better" alone would claim both."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The start of the page.

    Parameters
    ----------
    eyebrow, title : str
        The line above the title, and the answer in a few words.
    baseline : str
        Whom the model is compared with, in words.
    comparison : OverallComparison or None
        The figures; None if there is nothing to compare with.
    incomparable : str
        Why there is no comparison with the champion, in words, if there is one.
    """

    eyebrow: str
    title: str
    baseline: str
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
        The model and its figures.
    verdict : Verdict
        The verdict of the gate if the version were promoted now; where nothing was found, the page
        says that instead.
    version_number : str or None
        Its number in the registry; None where nothing was found, or if it is not registered yet.
    survey : mapping, optional
        Facts about the survey answers of a dissatisfaction target:
        `training.surveys.dataset.SurveyFacts` as JSON.
    language : str
        Language of the page, as a BCP 47 tag.

    Returns
    -------
    str
        An HTML document, the same bytes for the same arguments.

    Raises
    ------
    InputError
        There are no words in that language.
    """
    texts = texts_of(language)
    facts, assessments = model.facts, model.assessments
    champion = facts.champion.number
    signal = signal_of_assessments(assessments)
    first = headline(model, texts)
    if not signal.found:
        first = replace(first, title=_nothing_found(signal, texts))
    others, strata = _others(model, first, texts), _has_strata(model)
    words = target_words(facts.target, texts)
    main_horizon = list(assessments)[-1]
    main = assessments[main_horizon]
    target = TARGETS.get(facts.target)
    return (
        environment(texts)
        .get_template("training/report.html.j2")
        .render(
            model=model,
            facts=facts,
            verdict=verdict,
            refusals=refusals(verdict, texts),
            number=version_number,
            words=words,
            about_target=about(target.about, texts) if target else "",
            headline=first,
            signal=signal,
            main=main,
            refit=read_refit(model.version.documents),
            found_words=partial(found_words, texts=texts),
            main_horizon=main_horizon,
            answers_vary=ANSWERS_VARY,
            assessments=assessments,
            champion=champion,
            may_be_shadow=champion is None and not verdict.beyond(SHADOW_RULES),
            settings=model.config.assessment,
            figures=_figures(model, main_horizon, texts),
            level=find_level(model.version.documents),
            # A level is that of whoever is scored: of a version.
            levels=level_view(model.version.documents, texts) if signal.found else None,
            first=_differences(first.comparison, texts) if first.comparison else None,
            # A constant does not rank, shares of strata do: else only probabilities can be compared.
            others=(
                model_figures.difference_forest(
                    [item for item in others if strata or item[1].baseline != CONSTANT],
                    "auc",
                    texts,
                ),
                model_figures.difference_forest(others, "log_loss", texts),
            ),
            survey=None if survey is None else survey_view(survey, texts),
            risk=reasons_view(model, texts),
            language_names=LANGUAGE_NAMES,
            swarm=swarm,
            metrics=METRICS,
            texts=texts,
            interval=partial(interval, texts=texts),
            bounds=partial(bounds, texts=texts),
            horizon_words=partial(horizon_words, texts=texts),
            stratum_words=partial(stratum_words, texts=texts),
            baseline_words=partial(baseline_words, texts=texts, strata=strata),
            strata=strata,
            named=partial(named, texts=texts),
            about=partial(about, texts=texts),
            about_words=partial(about_words, texts=texts),
            unit_words=partial(unit_words, texts=texts),
            plain=plain,
            flags=[
                flag_words(
                    flag,
                    texts.gettext("which {many} are {outcome}").format(
                        many=words.many, outcome=words.outcome
                    ),
                    texts,
                )
                for flag in facts.flags
            ],
            remedy=partial(flag_remedy, texts=texts),
            slices=model_slices,
            views=model_figures,
            making=model_making,
            care=care_of(facts.choices),
            share=share,
        )
    )


def _nothing_found(signal: Signal, texts: Texts) -> str:
    if signal.enough_data:
        return texts.gettext("Nothing found: it predicts no better than chance, or hardly so")
    return texts.gettext("Not enough data yet: it is not shown to predict better than chance")


def headline(model: OperatorModel, texts: Texts = ENGLISH) -> Headline:
    """Whether the model is better, and than what, in words."""
    gettext, compared_with = texts.gettext, model.facts.champion
    comparison = compare(model.assessments, "champion")
    if comparison is not None:
        baseline = champion_words(compared_with.number, texts)
        return Headline(
            eyebrow=gettext("Compared with {baseline}, which is in production").format(
                baseline=baseline
            ),
            title=gettext(_answer(comparison)).format(baseline=baseline),
            baseline=baseline,
            comparison=comparison,
            incomparable="",
        )
    constant, logistic = (compare(model.assessments, name) for name in (CONSTANT, "logistic"))
    first = logistic or constant
    title = _answer(first) if first else ""
    if constant is not None and any(
        constant.main.outcome(metric) != "better" for metric in COMPARED
    ):
        # A model that is not clearly better than that share in both figures, as the gate asks, is
        # not compared with more.
        first, title = (
            constant,
            _HEADLINES["unclear" if constant.outcome == "better" else constant.outcome],
        )
    why = ""
    if compared_with.number is not None:
        why = found_words(compared_with.reason or sentence("figures_missing"), texts)
    if first is None:
        return Headline(
            eyebrow=gettext("There is nothing to compare it with"),
            title=gettext("Not compared"),
            baseline="",
            comparison=None,
            incomparable=why,
        )
    strata = _has_strata(model)
    baseline = baseline_in_sentence(first.baseline, None, texts, strata=strata)
    eyebrow = (
        gettext(
            "There is no champion yet: compared with the share of each billing type and a logistic regression"
        )
        if strata
        else gettext("There is no champion yet: compared with a constant and a logistic regression")
    )
    if compared_with.number is not None:
        eyebrow = gettext("Version {number}, in production, cannot be compared").format(
            number=compared_with.number
        )
    return Headline(
        eyebrow=eyebrow,
        title=gettext(title).format(baseline=baseline),
        baseline=baseline,
        comparison=first,
        incomparable=why,
    )


def _answer(comparison: OverallComparison) -> str:
    better = [metric for metric in COMPARED if comparison.main.outcome(metric) == "better"]
    if comparison.outcome == "better" and len(better) == 1:
        return _BETTER_IN_ONE[better[0]]
    return _HEADLINES[comparison.outcome]


def _has_strata(model: OperatorModel) -> bool:
    return any(map(has_strata, model.assessments.values()))


def _figures(model: OperatorModel, main_horizon: str, texts: Texts) -> dict[str, Markup]:
    """Plots by name, as SVG."""
    figures = {}
    for horizon, assessment in model.assessments.items():
        for place, stratum in enumerate(model_figures.strata_of({horizon: assessment})):
            figures[f"calibration-{horizon}-{place}"] = calibration_figure(
                assessment.strata[stratum], texts
            )
    decay = model.assessments[main_horizon].decay
    if len(decay) > 1:
        figures["decay-auc"] = decay_figure(model.assessments[main_horizon], "auc", texts)
        figures["decay-ratio"] = decay_figure(
            model.assessments[main_horizon], "observed_over_expected", texts
        )
    if model.tuned and any(trial.value is not None for trial in model.tuned.trials[1:]):
        figures["tuning"] = tuning_figure(model.tuned, texts)
    return {name: inline_svg(figure, name) for name, figure in figures.items()}


def _differences(comparison: OverallComparison, texts: Texts) -> tuple[Forest, Forest]:
    """Differences from a baseline, in ranking and in probabilities."""
    ranking, probabilities = (
        model_figures.difference_forest([("", comparison)], metric, texts) for metric in COMPARED
    )
    return ranking, probabilities


def _others(
    model: OperatorModel, first: Headline, texts: Texts
) -> list[tuple[str, OverallComparison]]:
    """Comparisons with the baselines that are not in the headline."""
    others = []
    for baseline in BASELINES:
        comparison = compare(model.assessments, baseline)
        if comparison is not None and not (
            first.comparison and first.comparison.baseline == baseline
        ):
            others.append(
                (
                    texts.gettext("Compared with {baseline}").format(
                        baseline=baseline_in_sentence(
                            baseline, None, texts, strata=_has_strata(model)
                        )
                    ),
                    comparison,
                )
            )
    return others
