"""Quality on real tables: holdfast with its default parameter sets beside holdfast and CatBoost, both
tuned, and LightGBM with its defaults, on the same five folds, repeated twice.

``python -m benchmarks.quality [TABLE...] [--untuned]`` reads the public data sets from
``HOLDFAST_REAL_DATA`` or ``../shared/data``: all of them, or those whose names begin with a given
one. Tuned models have 20 trials on one inner split of each training fold, which takes hours;
``--untuned`` leaves them out. All are calibrated by the curve that predicts best on inner folds.
*Gained* is the EMPC beyond contacting everybody or nobody, as a share of what a perfect ranking
would gain. Predictions are kept under ``HOLDFAST_HOME`` (``var``), so that an interrupted run can
continue.
"""

import os
import sys
from pathlib import Path

from benchmarks.report import show
from benchmarks.tabular.cases import Case, cases
from benchmarks.tabular.comparison import ContenderResult, compare
from benchmarks.tabular.contenders import OURS, TUNED, contenders
from benchmarks.tabular.corrected import corrected_interval
from holdfast.settings import BaseSection
from training.settings import TrainingSettings

ALLOWED = 0.002
"""How far the mean AUC of holdfast over the folds may lie below that of the best other model."""


def main() -> None:
    """Run every case and print the figures."""
    folder = Path(os.environ.get("HOLDFAST_REAL_DATA", "../shared/data"))
    wanted = [argument.lower() for argument in sys.argv[1:] if not argument.startswith("-")]
    chosen = [
        case
        for case in cases(folder)
        if not wanted or any(case.name.lower().startswith(name) for name in wanted)
    ]
    compared = contenders(tuned="--untuned" not in sys.argv)
    results = compare(chosen, compared, BaseSection.read().home / "benchmarks" / "quality")
    show(
        "Quality, mean over five folds, repeated twice",
        [row for case in chosen for row in _figures(case, results[case.name])],
    )
    show(
        "Holdfast minus the others: mean over the folds, with 95 % intervals corrected for shared training rows",
        [row for case in chosen for row in _differences(case, results[case.name])],
    )
    verdicts = [_verdict(case, results[case.name]) for case in chosen]
    show(
        f"AUC of holdfast: at most {ALLOWED} below the best other model; and what tuning adds",
        verdicts,
    )


def _figures(case: Case, results: dict[str, ContenderResult]) -> list[dict[str, object]]:
    return [
        {
            "table": case.name,
            "model": name,
            "AUC": float(result.figures["auc"].mean()),
            "average precision": float(result.figures["average_precision"].mean()),
            "log loss": float(result.figures["log_loss"].mean()),
            "lift": float(result.figures["lift_top_decile"].mean()),
            "EMPC share": f"{result.figures['empc_share'].mean():.1%}",
            "gained": f"{result.figures['empc_gained'].mean():.1%}",
            "leaves": "" if result.leaves is None else round(result.leaves),
            "references": ", gained ".join(filter(None, (case.auc, case.empc_gained))),
        }
        for name, result in results.items()
    ]


def _differences(case: Case, results: dict[str, ContenderResult]) -> list[dict[str, object]]:
    # With five folds, a test fold has a quarter of the rows of its training fold.
    share = 1 / (TrainingSettings.read().folds - 1)
    ours = results[OURS.name].figures
    return [
        {
            "table": case.name,
            "against": name,
            **{
                title: str(corrected_interval(ours[figure] - other.figures[figure], share))
                for title, figure in (
                    ("AUC", "auc"),
                    ("log loss", "log_loss"),
                    ("EMPC share", "empc_share"),
                )
            },
        }
        for name, other in results.items()
        if name != OURS.name
    ]


def _verdict(case: Case, results: dict[str, ContenderResult]) -> dict[str, object]:
    auc = {name: float(result.figures["auc"].mean()) for name, result in results.items()}
    best = max(auc.keys() - {OURS.name, TUNED.name}, key=lambda name: auc[name])
    lead = auc[OURS.name] - auc[best]
    return {
        "table": case.name,
        "best other model": best,
        "holdfast minus best other": f"{lead:+.4f}",
        "met": "yes" if lead >= -ALLOWED else "no",
        "tuned minus untuned": f"{auc[TUNED.name] - auc[OURS.name]:+.4f}"
        if TUNED.name in auc
        else "",
    }


if __name__ == "__main__":
    main()
