"""Survey facts: figures about the answers that a dissatisfaction model is trained on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dissatisfaction import SurveyTarget
from training.labelling.care.balance import BALANCED, Balance
from training.settings import TrainingConfig
from training.surveys.labels import SurveyRows
from training.surveys.reminder import Reminder
from training.surveys.response_model import Response
from training.surveys.sensitivity import SampledBand, sampled_prevalence
from training.surveys.weights import SurveyWeights, WeightDiagnostics

WORST_COLUMNS = 10
"""Columns of the balance that are reported."""


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """Figures of one group of invited rows.

    Parameters
    ----------
    invited, answered, dissatisfied : int
        Distinct invitations: one that is the label of several cut-offs counts once.
    prevalence_of_answers : float or None
        Share of dissatisfied among the answers; None where there are none.
    prevalence : SampledBand or None
        Estimated share among all who were invited, with sensitivity band and sampling uncertainty.
    """

    invited: int
    answered: int
    dissatisfied: int
    prevalence_of_answers: float | None
    prevalence: SampledBand | None


@dataclass(frozen=True, kw_only=True)
class SurveyFacts:
    """Figures about the answers that a model is trained on.

    Parameters
    ----------
    target : str
        Name of the target.
    gap_days, horizon_days, answer_days : int
        Days left out, days in which the survey is sent, and days that answers are waited for.
    groups : dict of str to GroupFacts
        Of ``all``; of ``silent`` customers, who gave no answer in the 182 days before the cut-off;
        and of ``heard`` ones, who did.
    prevalence_by_design : float
        Share of dissatisfied among the answers by design weights alone.
    delivered_share : float
        Of the invitations.
    weights : WeightDiagnostics
        How unequal the combined weights are.
    response : dict of str to JSON
        How the probability of answering was estimated.
    unbalanced_before, unbalanced_after : int
        Columns in which answers and invitations differ by more than `BALANCED` standard deviations,
        by design weights alone and by combined weights.
    balance : tuple of Balance
        The columns with the largest differences before weighting.
    reminder : dict of str to JSON
        What a reminder drawn at random tells of the sensitivity band, see
        `training.surveys.reminder.Reminder`.
    calibration : SampledBand or None
        Observed over expected among all who were invited, from a model's test rows; None before
        there is a model.
    """

    target: str
    gap_days: int
    horizon_days: int
    answer_days: int
    groups: dict[str, GroupFacts]
    prevalence_by_design: float
    delivered_share: float
    weights: WeightDiagnostics
    response: dict[str, Any]
    unbalanced_before: int
    unbalanced_after: int
    balance: tuple[Balance, ...]
    reminder: dict[str, Any]
    calibration: SampledBand | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def survey_facts(
    target: SurveyTarget,
    invited: SurveyRows,
    silent: NDArray[np.bool_],
    weights: SurveyWeights,
    response: Response,
    balances: Sequence[Balance],
    reminder: Reminder,
    config: TrainingConfig,
) -> SurveyFacts:
    """Compute the facts.

    Parameters
    ----------
    target : SurveyTarget
        The target.
    invited : SurveyRows
        The n invited rows.
    silent : (n,) bool
        Whether the customer was silent at the cut-off.
    weights : SurveyWeights
        Of the answered rows.
    response : Response
        The probability that each row was answered.
    balances : sequence of Balance
        Differences between answers and invitations.
    reminder : Reminder
        What a reminder drawn at random tells.
    config : TrainingConfig
        Its `labels`, `surveys`, `assessment` and seed.
    """
    groups = {"all": np.ones(len(invited), dtype=np.bool_), "silent": silent, "heard": ~silent}
    return SurveyFacts(
        target=target.name,
        gap_days=config.labels.gap_days if target.has_gap else 0,
        horizon_days=target.horizon_days,
        answer_days=config.surveys.answer_days,
        groups={
            name: _group(invited, members, weights, reminder, config)
            for name, members in groups.items()
        },
        prevalence_by_design=float(
            np.average(invited.label[invited.answered], weights=weights.design)
        ),
        delivered_share=float(invited.delivered.mean()),
        weights=weights.diagnostics(),
        response=response.to_json(),
        unbalanced_before=sum(abs(one.before) > BALANCED for one in balances),
        unbalanced_after=sum(abs(one.after) > BALANCED for one in balances),
        balance=tuple(balances[:WORST_COLUMNS]),
        reminder=reminder.to_json(),
    )


def _group(
    invited: SurveyRows,
    members: NDArray[np.bool_],
    weights: SurveyWeights,
    reminder: Reminder,
    config: TrainingConfig,
) -> GroupFacts:
    answered = invited.answered
    answered_members, among = members & answered, members[answered]
    label = invited.label[answered_members]
    band = None
    if len(label):
        design, response, customers = (
            weights.design[among],
            weights.response[among],
            invited.customers[answered_members],
        )
        band = sampled_prevalence(
            label,
            design,
            response,
            customers,
            config.surveys.odds_ratio,
            config.assessment,
            config.fitting.seed,
            reminder.odds_ratios,
        )
    ids = invited.invitation_ids
    return GroupFacts(
        invited=len(np.unique(ids[members])),
        answered=len(np.unique(ids[answered_members])),
        dissatisfied=len(np.unique(ids[answered_members][label > 0])),
        prevalence_of_answers=float(label.mean()) if len(label) else None,
        prevalence=band,
    )
