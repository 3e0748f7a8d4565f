"""What a reminder drawn at random tells of how satisfaction acts on answering.

Those who answer only because they are reminded are more reluctant than those who answer at once. The
draw shows how satisfied they are: in both arms as many would answer at once, so that what the
reminded have more is theirs. Answers before a reminder can have been sent are the same in both arms,
and only add noise: they are left out of the difference. Under one assumption, that the share of dissatisfied does not turn from
the ready over the reluctant to those who never answer (a continuum of resistance; Lin and Schaeffer
1995), it bounds the share among those who never answer from one side: where the reluctant are less
often dissatisfied than the ready, those who never answer are not more often dissatisfied than the
reluctant. The other side stays assumed.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import logit
from scipy.stats import norm

from holdfast.arrays import Floats
from models.dissatisfaction import ANY_ODDS_RATIO, OddsRatios
from training.evaluation.assessment import Estimate
from training.evaluation.bootstrap import Figures, estimate, resample
from training.settings import TrainingConfig
from training.surveys.labels import SurveyRows
from training.surveys.reminder_rows import ReminderRows
from training.surveys.weights import SurveyWeights

OUTCOMES = {
    "none": "Assumed: no invitation says whether a reminder was drawn at random",
    "one_arm": "Assumed: all invitations were drawn for a reminder, or none: nothing can be compared",
    "too_few": "Assumed: too few customers answered with a reminder drawn, or without one",
    "not_random": (
        "Assumed: customers drawn for a reminder differ from the others, so that the draw does not"
        " look random"
    ),
    "no_effect": "Assumed: the reminder is not shown to bring more answers",
    "not_told_apart": (
        "Assumed: those who answer only when reminded are not shown to be more or less often"
        " dissatisfied than those who answer at once"
    ),
    "narrowed": (
        "Estimated on one side from a reminder drawn at random, if those who never answer differ from"
        " those who answer at once at least as much as those who answer only when reminded; assumed on"
        " the other side"
    ),
}
"""What came of it, by its name, in a sentence."""

NOT_RANDOM = 0.01
"""Probability with which a true draw would be found not to look random."""

_LEAST_SHARE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Reminder:
    """What the reminder tells.

    Parameters
    ----------
    outcome, about : str
        One of `OUTCOMES`, and its sentence.
    reminded, not_reminded : int
        Invitations with a reminder drawn, and without.
    more_answers : Estimate or None
        By how much the share that answers is larger with a reminder drawn.
    ready, reluctant : float or None
        Share of dissatisfied among those who answer without a reminder, and among those who answer
        only because of it.
    log_odds_ratio : Estimate or None
        Log odds of being dissatisfied of the ready minus that of the reluctant.
    unlike : str or None
        The column in which the draw does not look random.
    odds_ratios : OddsRatios
        What it leaves of the odds ratios of answering, see `models.dissatisfaction`.
    """

    outcome: str
    about: str
    reminded: int
    not_reminded: int
    more_answers: Estimate | None = None
    ready: float | None = None
    reluctant: float | None = None
    log_odds_ratio: Estimate | None = None
    unlike: str | None = None
    odds_ratios: OddsRatios = ANY_ODDS_RATIO

    def to_json(self) -> dict[str, Any]:
        """As JSON, without the odds ratios, which the bands state."""
        document = asdict(self)
        del document["odds_ratios"]
        return document


def reminder_evidence(
    rows: ReminderRows,
    observed: dict[str, Floats],
    by_columns: float,
    config: TrainingConfig,
) -> Reminder:
    """Estimate what the reminder tells.

    Parameters
    ----------
    rows : ReminderRows
        The n invitations.
    observed : dict of str to (n,) float64
        Columns known before the draw, by which it is checked; NaN where missing or not known.
    by_columns : float
        Log odds of being dissatisfied that other columns predict for those who do not answer, minus
        that of those who answer: what need not be explained by satisfaction itself.
    config : TrainingConfig
        Fewest answers, draws and seed.
    """
    reminded = int(rows.drawn.sum())

    def outcome(name: str, **figures: Any) -> Reminder:
        return Reminder(
            outcome=name,
            about=OUTCOMES[name],
            reminded=reminded,
            not_reminded=len(rows) - reminded,
            **figures,
        )

    if len(rows) == 0:
        return outcome("none")
    if reminded in (0, len(rows)):
        return outcome("one_arm")
    answered = ~np.isnan(rows.label)
    arms = (rows.drawn & answered, ~rows.drawn & answered)
    if min(len(np.unique(rows.customers[arm])) for arm in arms) < config.surveys.fewest_answers:
        return outcome("too_few")
    if (unlike := unlike_column(rows, observed)) is not None:
        return outcome("not_random", unlike=unlike)
    figures = _resampled(rows, config)
    more, difference = estimate(figures["more"]), estimate(figures["difference"])
    if more is None or more.low <= 0 or difference is None:
        return outcome("no_effect", more_answers=more)
    told: dict[str, Any] = {
        "more_answers": more,
        "ready": float(figures["ready"][0]),
        "reluctant": float(figures["reluctant"][0]),
        "log_odds_ratio": difference,
    }
    if difference.low > 0:
        least = float(np.exp(min(0.0, difference.low + by_columns)))
        return outcome("narrowed", **told, odds_ratios=OddsRatios(least, float("inf")))
    if difference.high < 0:
        most = float(np.exp(max(0.0, difference.high + by_columns)))
        return outcome("narrowed", **told, odds_ratios=OddsRatios(0.0, most))
    return outcome("not_told_apart", **told)


def unlike_column(rows: ReminderRows, observed: dict[str, Floats]) -> str | None:
    """The column by which a draw does not look random, None where it does.

    Means of both arms are compared in every column, and in whether it is missing; p-values are
    corrected for the number of columns (Bonferroni). Parameters are those of `reminder_evidence`.
    """
    z = dict(_differences(rows, observed))
    if not z:
        return None
    worst = max(z, key=lambda name: abs(z[name]))
    return worst if 2 * norm.sf(abs(z[worst])) * len(z) < NOT_RANDOM else None


def _differences(rows: ReminderRows, observed: dict[str, Floats]) -> Iterator[tuple[str, float]]:
    columns = {
        "sent": rows.sent,
        "sampling_probability": rows.sampling_probability,
        "answered before a reminder": rows.early.astype(np.float64),
        "dissatisfied before a reminder": (rows.early & (rows.label == 1)).astype(np.float64),
    }
    for channel in np.unique(rows.channels):
        columns[f"channel {channel}"] = (rows.channels == channel).astype(np.float64)
    for name, values in (columns | observed).items():
        missing = np.isnan(values)
        for column, of, there in (
            (name, values, ~missing),
            (f"{name} missing", missing.astype(np.float64), np.ones_like(missing)),
        ):
            with_it, without = of[there & rows.drawn], of[there & ~rows.drawn]
            if min(len(with_it), len(without)) < 2:
                continue
            error = np.sqrt(with_it.var() / len(with_it) + without.var() / len(without))
            if error > 0:
                yield column, float((with_it.mean() - without.mean()) / error)


def _resampled(rows: ReminderRows, config: TrainingConfig) -> Figures:
    """Shares of dissatisfied of the ready and of the reluctant, with resampled customers."""
    names, customer = np.unique(rows.customers, return_inverse=True)
    weight = 1.0 / rows.sampling_probability
    late = ~rows.early
    low, other = rows.label == 1, rows.label == 0
    everybody = np.ones(len(rows), dtype=np.bool_)
    without = [everybody, low & late, other & late, low, other]
    masses = [
        *(~rows.drawn & which for which in without),
        *(rows.drawn & which for which in without[:3]),
    ]
    sums = np.stack(
        [np.bincount(customer, weights=weight * mass, minlength=len(names)) for mass in masses]
    )

    def figures(counts: Floats) -> Figures:
        all_without, low_late, other_late, low, other, all_with, low_with, other_with = (
            sums @ counts
        )
        more_low = low_with / all_with - low_late / all_without
        more_other = other_with / all_with - other_late / all_without
        more = more_low + more_other
        ready = _share(low, low + other)
        reluctant = _share(more_low, more)
        return {
            "more": more,
            "ready": ready,
            "reluctant": reluctant,
            "difference": logit(ready) - logit(reluctant),
        }

    settings = config.assessment
    return resample(
        len(names),
        settings.draws,
        config.fitting.seed,
        figures,
        sums.size,
        "Resampling customers",
    )


def _share(part: Floats, whole: Floats) -> Floats:
    """A share that has a logit; NaN where there is nothing to take it of."""
    share = np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return np.clip(share, _LEAST_SHARE, 1.0 - _LEAST_SHARE)


def predicted_by_columns(rows: ReminderRows, invited: SurveyRows, weights: SurveyWeights) -> float:
    """Log odds of being dissatisfied that observed columns predict for those who do not answer,
    minus that of those who answer without a reminder; 0 where there are too few to say.

    Parameters
    ----------
    rows : ReminderRows
        Names the invitations without a reminder.
    invited : SurveyRows
        Rows of the dataset.
    weights : SurveyWeights
        Of its answered rows.
    """
    answered = invited.answered
    label, ids = invited.label[answered], invited.invitation_ids[answered]
    without = np.isin(ids, rows.invitation_ids[~rows.drawn])
    unanswered = weights.design * (weights.response - 1.0)
    shares = []
    for mass in (unanswered, weights.design * without):
        share = float((mass * label).sum() / mass.sum()) if mass.sum() > 0 else 0.0
        if not 0 < share < 1:
            return 0.0
        shares.append(share)
    of_others, of_ready = shares
    return float(logit(of_others) - logit(of_ready))
