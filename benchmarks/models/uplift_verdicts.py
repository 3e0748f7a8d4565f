"""How often verdicts of uplift are wrong over several actions, over several looks and where few groups
are drawn, and what is said of a simulated operator's five actions, whose effects are known.

``python -m benchmarks.models.uplift_verdicts`` takes about twenty minutes on two cores, most of them for the
operator; ``--draws 20`` makes a tenth of the draws, ``--customers 0`` leaves the operator out.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.report import show
from holdfast.clock import system_clock
from holdfast.home import Home
from pipeline.simulated_operator import FOLDER, simulated_operator
from pipeline.uplift import evaluate_home
from training.labelling.history import RawHistory
from training.settings import LabelSettings, LeakWatchSettings
from training.uplift.contacts import select_contacts
from training.uplift.estimate import EvaluatedExperiment, evaluate_experiment
from training.uplift.evaluation import UpliftConfig
from training.uplift.experiment import Experiment
from training.uplift.looks import ONLY_ONCE, Look, Looks
from training.uplift.result import ActionUplift
from training.uplift.settings import UpliftSettings
from training.uplift.stakes import NO_STAKES, Stakes
from training.uplift.verdicts import with_verdicts

DRAWS, ACTIONS, LOOKS = 200, 5, 12
ROWS = 6_000
CUSTOMERS, MONTHS, SEED = 14_000, 30, 12
BREAK_EVEN = 0.5
"""Percentage points from which the simulated operator's actions are taken to be worth their cost."""

GROUPS, SHARE_OF_GROUP = ((3, 57), (5, 55), (10, 50), (20, 40), (30, 30)), 0.12
"""Treated groups and those of control, and how far groups differ in their share that stays (standard
deviation)."""

QUICK = UpliftSettings(folds=3, repeats=1)


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    measure_actions(arguments.draws)
    measure_looks(arguments.draws)
    measure_groups(arguments.draws)
    if arguments.customers:
        measure_operator(arguments.customers)


def measure_actions(draws: int) -> None:
    """Experiments with five actions, none of which does anything."""
    alone = jointly = ranked = 0
    for seed in range(draws):
        actions = _decided(evaluate_experiment(null_experiment(seed, ACTIONS, ROWS), QUICK))
        alone += any(action.clear_alone for action in actions)
        jointly += any(action.works or action.harms for action in actions)
        ranked += any(action.targetable for action in actions)
    show(
        f"{ACTIONS} actions without effect, {ROWS:,} customers, {draws} experiments",
        [
            {
                "an interval on one side of zero": alone,
                "works or harms": jointly,
                "targetable": ranked,
            }
        ],
    )


def measure_looks(draws: int) -> None:
    """An experiment with one action that does nothing, evaluated twelve times as it grows."""
    sizes = tuple(range(ROWS // LOOKS, ROWS + 1, ROWS // LOOKS))
    ever = Looks(expected=ROWS // 2)
    plans = {
        "once, each time": [ONLY_ONCE] * LOOKS,
        "the plan of twelve": [Looks(planned=sizes)] * LOOKS,
        "any": [ever] * LOOKS,
        "once, then any": [ONLY_ONCE, *[ever] * (LOOKS - 1)],
    }
    wrong, width = dict.fromkeys(plans, 0), dict.fromkeys(plans, 0.0)
    for seed in range(draws):
        grown = null_experiment(seed, 1, ROWS, features=0).with_a_feature()
        # With nothing to adjust by, one evaluation of a look gives its estimate; the intervals of
        # all plans are made of it.
        looks = [evaluate_experiment(grown.rows(np.arange(size)), QUICK) for size in sizes]
        for name, plan in plans.items():
            seen = [
                replace(look, look=of_look.at(look.look.clusters))
                for look, of_look in zip(looks, plan, strict=True)
            ]
            words = [_decided(look)[0] for look in seen]
            wrong[name] += any(action.works or action.harms for action in words)
            interval = words[-1].estimate.interval(look=seen[-1].look)
            width[name] += (interval.high - interval.low) / 2 / draws
    show(
        f"One action without effect, evaluated {LOOKS} times up to {ROWS:,} customers, {draws} experiments",
        [
            {
                "--looks": name,
                "works or harms at any look": wrong[name],
                "half-width at the last look, points": 100 * width[name],
            }
            for name in plans
        ],
    )


def measure_groups(draws: int) -> None:
    """One action that does nothing, drawn by group, such as shops that differ much."""
    rows = []
    for treated, control in GROUPS:
        of_all = of_smaller = words = 0
        for seed in range(draws):
            evaluated = evaluate_experiment(grouped_experiment(seed, treated, control), QUICK)
            (action,) = _decided(evaluated)
            smaller = evaluated.look.comparing(action.smaller_arm.effective_clusters)
            of_all += _clear_of_zero(action, evaluated.look)
            of_smaller += _clear_of_zero(action, smaller)
            words += action.works or action.harms
        rows.append(
            {
                "treated groups": treated,
                "control groups": control,
                "clear of zero, degrees of freedom of all groups": of_all,
                "of the smaller arm": of_smaller,
                "works or harms": words,
            }
        )
    show(f"One action without effect, drawn by group, {draws} experiments", rows)


def measure_operator(customers: int) -> None:
    """What is said of the simulated operator's own care, beside what it truly does."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        simulated_operator(home, customers, MONTHS, SEED, LabelSettings())
        config = UpliftConfig(
            settings=UpliftSettings(),
            leaks=LeakWatchSettings(),
            stakes=Stakes(break_even=BREAK_EVEN),
        )
        run = evaluate_home(home, (), home.root / "uplift", config, clock=system_clock)
        truths = dict(
            _truths(home, [action.action for e in run.evaluations for action in e.actions])
        )
        rows = [
            {
                "action": action.action,
                "true effect, points": f"{100 * truths[action.action]:+.2f}",
                "estimate, points": _points(action),
                "customers": action.treatment.rows + action.control.rows,
                "evidence": action.finding.evidence,
                "verdict": action.finding.verdict,
                "more needed": action.finding.more_needed,
                "targetable": action.finding.targetable,
            }
            for evaluation in run.evaluations
            for action in evaluation.actions
        ]
    show(
        f"Simulated operator of {customers:,} customers, {MONTHS} months, seed {SEED}; looked at once, "
        f"break-even effect {BREAK_EVEN} points",
        rows,
    )
    for name, why in run.not_evaluated.items():
        print(f"{name}: not evaluated. {why}")


def null_experiment(seed: int, actions: int, rows: int, features: int = 4) -> Experiment:
    """An experiment whose actions do nothing; a quarter leave, more where the first feature is high."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, max(features, 1)))
    arm = random.integers(0, actions + 1, rows)
    stays = random.random(rows) < 0.75 - 0.08 * np.clip(matrix[:, 0], -2, 2)
    names = tuple(f"f{place}" for place in range(features))
    return Experiment(
        name="no effect",
        arms=("control", *(f"action {place + 1}" for place in range(actions))),
        arm=arm,
        outcome=stays.astype(np.float64),
        outcome_name="retained",
        propensity=np.full(rows, 1 / (actions + 1)),
        source="stored",
        cluster=np.arange(rows),
        matrix=matrix[:, :features],
        features=names,
        labels=names,
        drawn_at_random="caller",
    )


def grouped_experiment(seed: int, treated: int, control: int) -> Experiment:
    """An experiment whose action does nothing, drawn by groups of 30 to 90 customers; how many stay
    differs by group.
    """
    random = np.random.default_rng(seed)
    groups = treated + control
    cluster = np.repeat(np.arange(groups), random.integers(30, 91, groups))
    is_treated = random.permutation(groups) < treated
    stays = np.clip(0.7 + SHARE_OF_GROUP * random.normal(size=groups), 0.02, 0.98)
    return replace(
        null_experiment(seed, 1, len(cluster), features=0).with_a_feature(),
        arm=is_treated[cluster].astype(np.int64),
        outcome=(random.random(len(cluster)) < stays[cluster]).astype(np.float64),
        propensity=np.where(is_treated, treated, control)[cluster] / groups,
        cluster=cluster,
    )


def _clear_of_zero(action: ActionUplift, look: Look) -> bool:
    interval = action.estimate.interval(look=look)
    return interval.low > 0 or interval.high < 0


def _decided(evaluated: EvaluatedExperiment) -> tuple[ActionUplift, ...]:
    return with_verdicts([(evaluated, "randomised")], NO_STAKES)[0].actions


def _truths(home: Home, actions: list[str]) -> Iterator[tuple[str, float]]:
    """Mean true effect on staying 90 days of the lines that each action was drawn for."""
    states = pl.scan_parquet(home.root / FOLDER / "truth" / "states" / "*.parquet")
    history = RawHistory(home.raw, system_clock())
    for action in actions:
        drawn = select_contacts(history, action).rows.select(
            "subscription_id", pl.col("decided_at").dt.replace_time_zone(None)
        )
        known = states.select(
            "subscription_id",
            pl.col("happened_at").dt.replace_time_zone(None).alias("decided_at"),
            pl.col(f"stay_effect_{action}").alias("effect"),
        ).collect()
        joined = drawn.sort("decided_at").join_asof(
            known.sort("decided_at"), on="decided_at", by="subscription_id", check_sortedness=False
        )
        yield action, float(joined["effect"].drop_nulls().to_numpy().mean())


def _points(action: ActionUplift) -> str:
    value, low, high = (
        f"{100 * number:+.2f}"
        for number in (action.average.value, action.average.low, action.average.high)
    )
    return f"{value} ({low} to {high})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help="experiments of each kind")
    parser.add_argument(
        "--customers", type=int, default=CUSTOMERS, help="customers of the simulated operator"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
