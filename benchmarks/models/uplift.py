"""Uplift: both verdicts and policy values on Hillstrom's e-mail test, how often the verdicts are
wrong, and how often they detect a true effect.

``python -m benchmarks.models.uplift`` takes about half an hour on two cores; ``--draws 10`` makes a tenth
of the draws. The real data are read from ``../shared/data`` or `HOLDFAST_REAL_DATA`; without them,
that half is left out.
"""

import argparse
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.models.simulated_experiment import ACTION, PairedOutcomes, simulate_pairs
from benchmarks.report import show
from training.evaluation.assessment import Estimate
from training.uplift.estimate import EvaluatedExperiment, evaluate_experiment
from training.uplift.experiment import Experiment
from training.uplift.result import ActionUplift
from training.uplift.settings import UpliftSettings
from training.uplift.stakes import NO_STAKES
from training.uplift.tables.experiment_table import ExperimentRoles, read_experiment
from training.uplift.verdicts import with_verdicts

CUSTOMERS, ROWS, SEED = 240_000, 40_000, 1
OUTCOMES = ("visit", "conversion")


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    folder = Path(
        os.environ.get("HOLDFAST_REAL_DATA", Path(__file__).parents[3] / "shared" / "data")
    )
    if folder.is_dir():
        measure_hillstrom(folder, arguments.draws)
    measure_simulated(simulate_pairs(arguments.customers, SEED), arguments.draws)


def measure_hillstrom(folder: Path, draws: int) -> None:
    """Both verdicts, policies and groups; with treatment shuffled, how often each verdict is yes."""
    verdicts, policies, groups = [], [], []
    for outcome in OUTCOMES:
        started = time.monotonic()
        experiment = hillstrom(folder, outcome)
        actions = _evaluate(experiment).actions
        seconds = time.monotonic() - started
        for action in actions:
            name = {"outcome": outcome, "action": action.action}
            verdicts.append(
                {
                    **name,
                    "effect, points": _points(action.average),
                    "works": action.works,
                    "Qini, points": _points(action.qini),
                    "AUTOC, points": _points(action.autoc),
                    "targetable": action.targetable,
                    "seconds, all actions": seconds,
                }
            )
            policies += [
                {
                    **name,
                    "treated": f"{policy.share:.0%}, {policy.name}",
                    "outcome by inverse propensity, %": _points(policy.weighted, signed=False),
                    "doubly robust, %": _points(policy.doubly_robust, signed=False),
                    "gain over treating nobody, points": _points(policy.gain),
                    "over random, points": _points(policy.over_random)
                    if policy.over_random
                    else "",
                }
                for policy in action.policies
            ]
            groups += [
                {
                    **name,
                    "group": place + 1,
                    "rows": group.rows,
                    "effect, points": _points(group.effect),
                    "harmed": group.harmed,
                }
                for place, group in enumerate(action.groups)
            ]
    show(
        f"Hillstrom, {len(experiment.outcome):,} customers in three arms: verdicts with 95 % intervals (randomised)",
        verdicts,
    )
    show("Hillstrom: policy values with 95 % intervals (randomised)", policies)
    show(
        "Hillstrom: effects by predicted uplift, highest first, with joint 95 % intervals (randomised)",
        groups,
    )
    two = womens(hillstrom(folder, "visit"))
    shuffled = (_shuffled(two, seed) for seed in range(draws))
    show(
        f"Hillstrom's women's e-mail, treatment shuffled, {draws} draws of {len(two.outcome):,}",
        [_counts(shuffled)],
    )


def measure_simulated(pairs: PairedOutcomes, draws: int) -> None:
    """How often each verdict is yes with a true effect and without one, and how often intervals
    contain the truth.
    """
    rows = []
    for title, shuffled in (("true effect", False), ("treatment shuffled", True)):
        counts = _counts(
            (pairs.draw(seed, ROWS, shuffled) for seed in range(draws)),
            0.0 if shuffled else pairs.effect,
        )
        rows.append(
            {
                "draws": f"{draws}, {title}",
                "effect, points": 0.0 if shuffled else 100 * pairs.effect,
                **counts,
            }
        )
    size = min(ROWS, len(pairs.treated)) // 2
    show(f"Simulated {ACTION.replace('_', ' ')}, about {size:,} lines per arm", rows)


def hillstrom(folder: Path, outcome: str) -> Experiment:
    """Hillstrom's e-mail test with one of its outcomes."""
    others = tuple({"visit", "conversion", "spend"} - {outcome})
    roles = ExperimentRoles(treatment="segment", outcome=outcome, drop=others)
    return read_experiment(folder / "hillstrom" / "hillstrom.csv.gz", roles).experiment


def womens(experiment: Experiment) -> Experiment:
    """Only the women's e-mail and no e-mail."""
    place = experiment.arms.index("Womens E-Mail")
    two = experiment.rows(np.flatnonzero(np.isin(experiment.arm, (0, place))))
    return replace(
        two, arms=(experiment.arms[0], experiment.arms[place]), arm=(two.arm > 0).astype(np.int64)
    )


def _evaluate(experiment: Experiment) -> EvaluatedExperiment:
    estimated = evaluate_experiment(experiment, UpliftSettings())
    return with_verdicts([(estimated, "randomised")], NO_STAKES)[0]


def _shuffled(experiment: Experiment, seed: int) -> Experiment:
    arm = np.random.default_rng(seed).permutation(experiment.arm)
    return replace(experiment, arm=arm, propensity=(np.bincount(arm) / len(arm))[arm])


def _counts(experiments: Iterable[Experiment], truth: float = 0.0) -> dict[str, object]:
    """Number of draws in which each verdict is yes, and in which the interval contains the truth."""
    evaluated: list[ActionUplift] = [_evaluate(experiment).actions[0] for experiment in experiments]
    return {
        "works": sum(action.works for action in evaluated),
        "harms": sum(action.harms for action in evaluated),
        "targetable (Qini)": sum(action.targetable for action in evaluated),
        "AUTOC above 0": sum(
            action.autoc is not None and action.autoc.low > 0 for action in evaluated
        ),
        "interval contains the effect": sum(
            action.average.low <= truth <= action.average.high for action in evaluated
        ),
        "a group called harmed": sum(
            any(group.harmed for group in action.groups) for action in evaluated
        ),
    }


def _points(estimate: Estimate | None, *, signed: bool = True) -> str:
    if estimate is None:
        return ""
    value, low, high = (
        f"{100 * number:{'+' if signed else ''}.2f}"
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100, help="draws of each experiment")
    parser.add_argument(
        "--customers", type=int, default=CUSTOMERS, help="customers of the simulated operator"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
