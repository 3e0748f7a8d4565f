"""The uplift report: one HTML file about which actions work, for whom, and how certain that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from reports.kit import swarm
from reports.kit.forest import Entry, Forest, Kind, forest
from reports.kit.page import environment, inline_svg
from reports.uplift import words
from reports.uplift.plots import qini_figure
from reports.uplift.words import Unit
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assessment import Estimate
from training.uplift.balance import Imbalance, OutcomeLike
from training.uplift.experiment import Experiment
from training.uplift.result import ActionUplift, Evidence
from training.uplift.settings import UpliftSettings


class EvaluatedActions(Protocol):
    """An experiment and what was found, as `pipeline.uplift.EvaluatedActions` has it."""

    @property
    def experiment(self) -> Experiment:
        """The experiment."""

    @property
    def actions(self) -> tuple[ActionUplift, ...]:
        """The result of each action."""

    @property
    def evidence(self) -> Evidence:
        """Whether arms were drawn at random."""

    @property
    def outcome_like(self) -> tuple[OutcomeLike, ...]:
        """Columns that nearly are the outcome."""

    @property
    def imbalances(self) -> tuple[Imbalance, ...]:
        """What arms differ in by more than chance."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How the data were read."""

    @property
    def adjusted_by(self) -> tuple[str, ...]:
        """Columns that the estimates are adjusted for."""

    @property
    def clusters(self) -> int:
        """How many independent customers or households there are."""


@dataclass(frozen=True, kw_only=True)
class ActionSection:
    """The section of one action.

    Parameters
    ----------
    key : str
        Its anchor.
    evaluated : EvaluatedActions
        The experiment.
    action : ActionUplift
        What it says.
    unit : Unit
        How numbers are written.
    effects : Forest
        Average effect, and effects by group; differences where the evidence is observational.
    qini : Markup or None
        The Qini curve; None where no feature ranks customers, or the evidence is observational.
    """

    key: str
    evaluated: EvaluatedActions
    action: ActionUplift
    unit: Unit
    effects: Forest
    qini: Markup | None


def render_uplift(
    title: str,
    evaluated: Sequence[EvaluatedActions],
    not_evaluated: Mapping[str, str],
    settings: UpliftSettings,
    texts: Texts = ENGLISH,
) -> str:
    """Write the report: an HTML document, the same bytes for the same findings.

    Parameters
    ----------
    title : str
        What was evaluated.
    evaluated : sequence of EvaluatedActions
        Experiments, each with one or more actions.
    not_evaluated : mapping of str to str
        Actions that could not be evaluated, and why.
    settings : UpliftSettings
        How they were evaluated.
    texts : Texts
        In which language the page is.
    """
    pairs = [(experiment, action) for experiment in evaluated for action in experiment.actions]
    sections = [
        _section(f"action-{place}", experiment, action, texts)
        for place, (experiment, action) in enumerate(pairs)
    ]
    return (
        environment(texts)
        .get_template("uplift/report.html.j2")
        .render(
            title=title,
            evaluated=evaluated,
            sections=sections,
            not_evaluated=not_evaluated,
            settings=settings,
            words=words,
            texts=texts,
            swarm=swarm,
        )
    )


def _section(
    key: str, evaluated: EvaluatedActions, action: ActionUplift, texts: Texts
) -> ActionSection:
    unit = Unit(evaluated.experiment.binary, texts)
    qini = None
    if action.curve:
        qini = inline_svg(qini_figure(action, unit.factor, unit.word, texts), f"{key}-qini")
    return ActionSection(
        key=key,
        evaluated=evaluated,
        action=action,
        unit=unit,
        effects=_effects(action, unit),
        qini=qini,
    )


def _effects(action: ActionUplift, unit: Unit) -> Forest:
    count, gettext = len(action.groups), unit.texts.gettext

    def entry(label: str, estimate: Estimate, note: str = "") -> Entry:
        text = f"{unit.effect(estimate.value)} ({unit.between(estimate)})"
        return Entry(label=label, estimate=estimate, text=text, kind=_kind(estimate), note=note)

    by_group = [
        entry(
            _ordinal(place, count, unit.texts),
            group.effect,
            gettext("predicted {effect}").format(effect=unit.effect(group.predicted)),
        )
        for place, group in enumerate(action.groups)
    ]
    on_average = [
        entry(gettext("all customers"), action.average),
        entry(gettext("all customers, unadjusted"), action.unadjusted),
    ]
    return forest(
        [
            (gettext("On average"), on_average),
            *([(gettext("By predicted uplift"), by_group)] if by_group else []),
        ],
        factor=unit.factor,
        sign=True,
        reference=0.0,
        left=gettext("harmful"),
        right=gettext("good"),
    )


def _ordinal(place: int, count: int, texts: Texts) -> str:
    if place == count - 1:
        template = texts.gettext("group {number}, lowest")
    elif place == 0:
        template = texts.gettext("group {number}, highest")
    else:
        template = texts.gettext("group {number}")
    return template.format(number=place + 1)


def _kind(estimate: Estimate) -> Kind:
    return "better" if estimate.low > 0 else "worse" if estimate.high < 0 else "unclear"
