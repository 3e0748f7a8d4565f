"""Reasons against the truth of a simulated operator: what an agent can use of them.

``python -m benchmarks.models.reasons [HOME]`` trains churn on a simulated operator (or takes the
home of one that has a champion), and tells three reasons for each of the riskiest tenth of each kind
of line, in two ways on the same rows and boosters:

- *contributions as they are*: the reasons that contribute most;
- *told apart*: beyond what is typical of the same kind of line, without features that do not apply
  to it and values that nobody knows (`models.reasons.basis`).

``no reason`` is the share of lines with a reason among the three about a feature that does not apply
to the line or a value that is not known. ``usable`` is the share with one that raises the risk and
that care can change. ``names the driver`` is how often the first of these, of all reasons, is about
what truly raises the line's hazard most of all that care can change; ``by chance`` is how often it
would be if the same reasons were dealt out to the lines at random.
"""

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.report import show
from features.contracts.vocabulary import BILLING_TYPES
from features.online.settings import OnlineSettings
from features.operator.newest import NewestReader
from features.operator.repository import OperatorRepository
from holdfast.arrays import Floats, Positions
from holdfast.clock import system_clock
from holdfast.home import Home
from models.churn import CHURN
from models.reasons.explain import Explanation
from models.reasons.meaning import FeatureMeaning
from models.reasons.told import tellable
from models.reasons.worded import WordedReason, can_change, reasons
from models.registry import find_served, load_registered
from models.scorer import Scorer
from pipeline.night.score import snapshot_time
from pipeline.simulated_operator import simulated_features
from pipeline.train import train_target
from training.fitting.budget import TuningBudget
from training.labelling.history import RawHistory
from training.operator.columns import meanings_of, reason_basis_of
from training.operator.population import Populations
from training.release.tracking import Tracking
from training.settings import LabelSettings, TrainingConfig

CUSTOMERS, MONTHS, SEED, TRIALS = 8_000, 18, 41, 1
RISKIEST, SHOWN, ALL = 0.1, 3, 20
_TRUTH_AGE = timedelta(weeks=8)

CAUSE_OF_REASON = {
    **dict.fromkeys(
        ("drops", "failed_setups", "voice_quality", "speed", "latency", "outage", "congestion"),
        "network",
    ),
    "incident": "network",
    **dict.fromkeys(("bill_shock", "overage", "bill"), "bill_shock"),
    "price_change": "price_rise",
    "promotion_end": "promotion_end",
    "commitment": "commitment",
    "plan_fit": "plan_fit",
    **dict.fromkeys(
        ("contacts", "repeats", "unresolved", "transfers", "wait", "open_ticket", "complaint"),
        "satisfaction",
    ),
    **dict.fromkeys(("fault", "reopened", "dispute", "appointment", "order"), "satisfaction"),
    "last_answer": "satisfaction",
}
"""The simulator's cause that a reason is about."""


def main() -> None:
    """Measure and print."""
    if len(sys.argv) > 1:
        _measure(Home(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        simulated_features(home, CUSTOMERS, MONTHS, SEED)
        config = TrainingConfig()
        trained = train_target(
            home,
            CHURN.name,
            TuningBudget(trials=TRIALS),
            config,
            online=OnlineSettings(),
            clock=system_clock,
        )
        if trained.number is None:
            raise RuntimeError("the model of churn predicts nothing")
        # Whatever the gate says: this is about reasons.
        Tracking(home, system_clock).set_champion_ungated(CHURN.name, trained.number)
        _measure(home)


def _measure(home: Home) -> None:
    ((entry, _),) = find_served(home, (CHURN.name,))
    scorer = Scorer(load_registered(entry.address(home)).model, threads=0)
    features = scorer.version.features
    repository = OperatorRepository(home)
    at = snapshot_time(repository)
    with NewestReader(repository, CHURN.service, memory_gb=2.0, threads=2) as reader:
        populations = Populations(RawHistory(home.raw, at), at)
        population = populations.of(CHURN, reader.main.ids(), LabelSettings())
        ids = population.rows["subscription_id"].to_list()
        matrix, _ = reader.read(ids)
    kind = matrix[:, features.index("billing_type_code")]
    risky = _riskiest(scorer.score(matrix).probability, kind)
    matrix, kind = matrix[risky], kind[risky]
    says = tellable(
        matrix, features, reason_basis_of(CHURN.service), np.array(BILLING_TYPES)[kind.astype(int)]
    )
    drivers = _drivers(home, [ids[row] for row in risky.tolist()], at)
    ways = {
        "contributions as they are": scorer.explain(matrix),
        "told apart": scorer.explain_told(matrix),
    }
    table = []
    for way, explanation in ways.items():
        lines = _lines(explanation, matrix, says, features)
        for name, rows in (
            *((line, np.flatnonzero(kind == code)) for code, line in enumerate(BILLING_TYPES)),
            ("all", np.arange(len(kind))),
        ):
            table.append({"reasons": way, "line": name, **_figures(lines, drivers, rows)})
    show(f"Reasons of the riskiest tenth of each kind of line, {at:%Y-%m-%d}", table)


def _riskiest(probability: Floats, kind: Floats) -> Positions:
    chosen = []
    for code in np.unique(kind):
        rows = np.flatnonzero(kind == code)
        count = int(np.ceil(RISKIEST * len(rows)))
        chosen.append(rows[np.argsort(-probability[rows], kind="stable")[:count]])
    return np.concatenate(chosen)


def _drivers(home: Home, ids: list[str], at: datetime) -> list[str | None]:
    """What raises each line's hazard most of all that care can change, at the last weeks with truth
    before a time; None for a line that was not in service then.
    """
    states = pl.scan_parquet(home.root / "operator" / "truth" / "states" / "*.parquet").filter(
        pl.col("happened_at").is_between(at - _TRUTH_AGE, at)
    )
    newest = states.sort("happened_at").group_by("subscription_id").last().collect()
    by_line = dict(newest.select("subscription_id", "care_driver").iter_rows())
    return [by_line.get(line) for line in ids]


@dataclass(frozen=True)
class _Line:
    """What is told of a line: whether a shown reason is none, whether one is usable, and the cause
    that the first usable one of all is about.
    """

    no_reason: bool
    usable: bool
    cause: str | None


def _lines(
    explanation: Explanation, matrix: Floats, says: NDArray[np.bool_], features: tuple[str, ...]
) -> list[_Line]:
    meanings = meanings_of(CHURN.service, CHURN.direction)
    by_name = {meaning.name: meaning for meaning in meanings}
    lines = []
    for row, told in enumerate(reasons(explanation, matrix, meanings, "en", ALL)):
        known = [bool(says[row, features.index(reason.feature)]) for reason in told]
        usable = [
            is_known and _is_usable(reason, by_name)
            for reason, is_known in zip(told, known, strict=True)
        ]
        first = next((r for r, is_usable in zip(told, usable, strict=True) if is_usable), None)
        lines.append(
            _Line(
                no_reason=not all(known[:SHOWN]),
                usable=any(usable[:SHOWN]),
                cause=None if first is None else CAUSE_OF_REASON.get(first.reason, "other"),
            )
        )
    return lines


def _is_usable(reason: WordedReason, by_name: dict[str, FeatureMeaning]) -> bool:
    return can_change(by_name[reason.feature], reason.value, reason.contribution)


def _figures(
    lines: list[_Line], drivers: list[str | None], rows: Positions
) -> dict[str, int | float]:
    chosen = [lines[row] for row in rows.tolist()]
    named = [
        (lines[row].cause, drivers[row])
        for row in rows.tolist()
        if lines[row].cause is not None and drivers[row] is not None
    ]
    causes = Counter(cause for cause, _ in named)
    truth = Counter(driver for _, driver in named)
    pairs = max(len(named), 1)
    return {
        "lines": len(chosen),
        "no reason": float(np.mean([line.no_reason for line in chosen])),
        "usable": float(np.mean([line.usable for line in chosen])),
        "compared": len(named),
        "names the driver": sum(cause == driver for cause, driver in named) / pairs,
        "by chance": sum(count * truth[cause] for cause, count in causes.items()) / pairs**2,
    }


if __name__ == "__main__":
    main()
