"""Sensitivity bands that a reminder drawn at random narrows, where the truth is known.

``python -m benchmarks.models.reminder --customers 40000 --seeds 8`` simulates operators, with
satisfaction changing who answers and without, and compares the share of dissatisfied among all who
were invited to a relationship survey with the band as assumed and as narrowed. Answers are weighted
by design alone, so that no features are needed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import logit

from benchmarks.report import show
from holdfast.clock import system_clock
from models.dissatisfaction import ANY_ODDS_RATIO, TARGETS
from simulator.engine.simulator import simulate
from simulator.world.parameters import Parameters, SurveyParameters
from training.labelling.history import RawHistory
from training.settings import TrainingConfig
from training.surveys.reminder import reminder_evidence
from training.surveys.reminder_rows import reminder_rows
from training.surveys.sensitivity import SampledBand, sampled_prevalence

TARGET = TARGETS["csat_low"]

INDIFFERENT = SurveyParameters(answer_extreme=0.0, answer_angry=0.0)
"""Surveys in which satisfaction does not change who answers."""

Row = dict[str, object]


def main() -> None:
    """Simulate and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=40_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=8, help="operators, seeds 1 to this")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = [
        narrowed(given.customers, given.months, seed, name, surveys)
        for name, surveys in (("as simulated", SurveyParameters()), ("indifferent", INDIFFERENT))
        for seed in range(1, given.seeds + 1)
    ]
    show(f"{TARGET.name}: bands as assumed, and narrowed by a reminder drawn at random", rows)


def narrowed(customers: int, months: int, seed: int, name: str, surveys: SurveyParameters) -> Row:
    """The share of one operator: true, and both bands."""
    config = TrainingConfig.read()
    with tempfile.TemporaryDirectory() as folder:
        operator = Path(folder) / "operator"
        simulate(operator, customers, months, seed, parameters=Parameters(survey=surveys))
        truth = pl.read_parquet(operator / "truth" / "invitations" / "*.parquet")
        history = RawHistory(operator / "raw", system_clock())
        everybody = truth["customer_id"].to_numpy().astype(np.str_)
        rows = reminder_rows(history, TARGET, everybody, config.surveys)
    design = 1.0 / rows.sampling_probability
    invited = pl.DataFrame({"invitation_id": rows.invitation_ids, "design": design})
    matched = invited.join(truth, on="invitation_id")
    low = (matched["score"] <= TARGET.dissatisfied_to).to_numpy()
    real = float(np.average(low, weights=matched["design"].to_numpy()))
    answered = ~np.isnan(rows.label)
    label, weight = rows.label[answered], design[answered]
    response = np.full(len(label), float(design.sum() / weight.sum()))
    at_once = ~rows.drawn[answered]
    shares = [
        float(np.average(label[which], weights=weight[which]))
        for which in (np.ones_like(at_once), at_once)
    ]
    by_columns = float(logit(shares[0]) - logit(shares[1]))
    reminder = reminder_evidence(rows, {}, by_columns, config)
    before, after = (
        sampled_prevalence(
            label,
            weight,
            response,
            rows.customers[answered],
            config.surveys.odds_ratio,
            config.assessment,
            config.fitting.seed,
            possible,
        )
        for possible in (ANY_ODDS_RATIO, reminder.odds_ratios)
    )
    difference = reminder.log_odds_ratio
    return {
        "surveys": name,
        "seed": seed,
        "invitations": len(rows),
        "truth": f"{real:.3f}",
        "answers": f"{label.mean():.3f}",
        "at once less when reminded, log odds": "none"
        if difference is None
        else f"{difference.value:.2f} ({difference.low:.2f} to {difference.high:.2f})",
        "outcome": reminder.outcome,
        "assumed": _shown(before, real),
        "with the reminder": _shown(after, real),
        "width kept": f"{(after.high - after.low) / (before.high - before.low):.0%}",
    }


def _shown(band: SampledBand, real: float) -> str:
    verdict = "holds" if band.low <= real <= band.high else "nearly" if real in band else "misses"
    return f"{band.low:.3f} to {band.high:.3f} {verdict}"


if __name__ == "__main__":
    main()
