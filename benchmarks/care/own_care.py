"""What uplift and a retrained model of churn learn of our own care, beside the simulator's truth.

``nice python -m benchmarks.care.own_care [--customers N] [--months N] [--weeks N] [--seed N] [--home FOLDER]``
simulates an operator and plays two campaigns on it, planned every week (`benchmarks.care.played_months`): calls to
customers who were in touch lately, whom they help on average, and offers of another plan to customers of long tenure who
were not, whom they wake. The operator's systems do what the file says that is handed over to them; everything else comes
back through the nightly export. The operator's own campaigns, some of the same actions, go on all the while.

Printed is for each action what `holdfast uplift` says of all its randomised contacts, beside the mean of the simulator's
true effect on these lines in the week of the contact, times the share of contacts that are delivered.

After further weeks without our care a model of churn is trained again, and another one that takes no notice of it
(`benchmarks.care.retrained`).
"""

import argparse
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.care.played_months import PARAMETERS, Played, PlayedOperator
from benchmarks.care.retrained import models_beside
from benchmarks.report import show
from features.fields import SERVICES
from features.operator.repository import OperatorRepository
from holdfast.home import Home
from pipeline.simulated_operator import FOLDER
from pipeline.uplift import evaluate_home
from training.labelling.history import RawHistory
from training.settings import LeakWatchSettings
from training.uplift.contacts import SERVICE, select_contacts
from training.uplift.evaluation import UpliftConfig
from training.uplift.settings import UpliftSettings

CUSTOMERS, MONTHS, WEEKS, SEED = 12_000, 18, 13, 11
CONTROL_SHARE = 0.5
WEEKS_AFTER = 12
"""Weeks without care, after those until outcomes are final: labels of some cut-offs after the campaigns are complete
then.
"""

CAMPAIGNS = (
    Played(action="courtesy_call", when=(("contacts_28d", 1, 1000),)),
    Played(
        action="plan_fit_offer",
        when=(("tenure_days", 900, 100_000), ("contacts_28d", 0, 0), ("risk_rank_share", 0.25, 1)),
    ),
)


def uplift_beside_truth(played: PlayedOperator) -> list[Mapping[str, object]]:
    """A row per action: what uplift says, and the truth."""
    home = played.home
    config = UpliftConfig(settings=UpliftSettings(), leaks=LeakWatchSettings())
    names = tuple(campaign.action for campaign in CAMPAIGNS)
    run = evaluate_home(home, names, home.root / "uplift", config, clock=played.clock)
    rows: list[Mapping[str, object]] = []
    history = RawHistory(home.raw, played.clock())
    mondays = OperatorRepository(home).history_mondays(SERVICES[SERVICE][0])
    first_features = mondays[0].item().replace(tzinfo=UTC)
    for evaluation in run.evaluations:
        (action,) = evaluation.actions
        contacts = select_contacts(history, action.action).rows.filter(
            pl.col("decided_at") > first_features
        )
        ours = contacts["campaign_id"].is_in([campaign.name for campaign in CAMPAIGNS])
        truth = true_effect(home.root / FOLDER, contacts, action.action)
        average = action.average
        rows.append(
            {
                "action": action.action,
                "contacts": len(contacts),
                "of our campaigns": int(ours.sum()),
                "treated": action.treatment.rows,
                "control": action.control.rows,
                "true effect, points": 100 * truth,
                "estimate": 100 * average.value,
                "low": 100 * average.low,
                "high": 100 * average.high,
                "same sign": bool(np.sign(truth) == np.sign(average.value)),
                "evidence": action.finding.evidence,
                "verdict": str(action.finding.verdict),
            }
        )
    return rows


def true_effect(operator: Path, contacts: pl.DataFrame, action: str) -> float:
    """Mean true effect of an action on the lines of contacts, by intention to treat."""
    column = f"stay_effect_{action}"
    states = (
        pl.scan_parquet(operator / "truth" / "states" / "*.parquet")
        .select("subscription_id", "happened_at", column)
        .collect()
        .sort("happened_at")
    )
    at = contacts.select("subscription_id", "decided_at").sort("decided_at")
    joined = at.join_asof(
        states,
        left_on="decided_at",
        right_on="happened_at",
        by="subscription_id",
        tolerance=timedelta(days=7),
        check_sortedness=False,  # both are sorted above
    )
    mean = np.mean(joined[column].drop_nulls().to_numpy())
    return float(mean) * PARAMETERS.campaign.delivered_share


def main() -> None:
    """Play, and print what uplift learnt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--months", type=int, default=MONTHS)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--home", type=Path, help="an empty folder to keep; default: a temporary one"
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        folder.mkdir(parents=True, exist_ok=True)
        played = PlayedOperator(Home(folder), asked.customers, asked.months, asked.seed)
        played.night()
        played.score_with(played.train())
        over = played.play(CAMPAIGNS, asked.weeks, CONTROL_SHARE)
        about = f"{asked.customers:,} customers, {asked.weeks} weeks, seed {asked.seed}"
        show(f"Uplift of our own care, {about}", uplift_beside_truth(played))
        played.wait(WEEKS_AFTER)
        show(
            f"Models retrained {WEEKS_AFTER} weeks later, on lines that nobody of ours cares for any more",
            models_beside(played, over),
        )


if __name__ == "__main__":
    main()
