"""Dissatisfaction where the truth is known: figures from the answers beside those from what
everybody would have answered.

``python -m benchmarks.models.dissatisfaction --customers 40000`` simulates an operator twice, with the
same customers and the same random numbers. In the second simulation everybody is asked and
answers. Nothing else differs, because a survey changes no behaviour. ``--folder`` keeps both. With
``--indifferent``, satisfaction does not change who answers; weights must then be enough.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from benchmarks.report import show
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.arrays import Floats
from holdfast.clock import system_clock
from holdfast.errors import InputError
from holdfast.home import Home
from models.dissatisfaction import (
    ANY_ODDS_RATIO,
    TARGETS,
    OddsRatios,
    SurveyTarget,
    is_silent,
    odds_ratio_that_explains,
)
from models.scorer import Scorer
from models.version import ModelVersion
from pipeline.features import build_features
from simulator.engine.simulator import Simulator, simulate
from simulator.world.parameters import Parameters, SurveyParameters
from training.evaluation.metrics import auc
from training.fitting.horizon_models import fit_horizon_models
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.labelling.dataset import Dataset, columns_of, features_for
from training.labelling.history import RawHistory
from training.labelling.periods import PeriodSplit, period_split
from training.settings import LabelSettings, SurveySettings, TrainingConfig
from training.surveys.dataset import SurveyDataset, survey_dataset
from training.surveys.eligible import eligible_rows
from training.surveys.labels import SurveyRows, survey_rows
from training.surveys.sensitivity import SampledBand, sampled_prevalence

Flags = NDArray[np.bool_]
Row = dict[str, object]

ODDS_RATIOS = (2.0, 3.0)
"""Odds ratios whose sensitivity bands are shown."""


@dataclass(frozen=True)
class Truth:
    """Everybody who could be asked, at every cut-off, and what they would have answered.

    Parameters
    ----------
    label : (n,) float64
        1 dissatisfied, 0 not.
    matrix : (n, k) float64
        Their features.
    cutoffs : (n,) datetime64[us]
        Cut-off of each row, UTC.
    groups : dict of str to (n,) bool
        ``everybody``, the ``silent`` and the others (``heard``), and by what happened:
        ``answered``, and ``asked, no answer``.
    satisfied : (n,) float64
        True satisfaction at its last record before the cut-off, NaN where there is none.
    """

    label: Floats
    matrix: Floats
    cutoffs: NDArray[np.datetime64]
    groups: dict[str, Flags]
    satisfied: Floats


def main() -> None:
    """Simulate, weight, fit and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=40_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--indifferent", action="store_true", help="satisfaction does not change who answers"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="keep both simulations and the features there, and use them if they are there",
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        surveys = (
            SurveyParameters(answer_extreme=0.0, answer_angry=0.0)
            if given.indifferent
            else SurveyParameters()
        )
        home = operator(folder, given.customers, given.months, given.seed, surveys)
        compare(home, folder)


def operator(
    folder: Path, customers: int, months: int, seed: int, surveys: SurveyParameters | None = None
) -> Home:
    """Simulate an operator, and the same one with everybody's answers, and build the features of
    the first.
    """
    both = {
        "operator": Parameters(survey=surveys or SurveyParameters()),
        "everybody": Parameters(survey=everybody_answers()),
    }
    for name, parameters in both.items():
        if not _is_there(folder / name, customers, months, seed, parameters):
            simulate(folder / name, customers, months, seed, parameters=parameters)
    home = Home(folder / "home")
    build_features(
        home, FeatureSettings.read(), now=system_clock(), source=str(folder / "operator" / "raw")
    )
    return home


def _is_there(folder: Path, customers: int, months: int, seed: int, parameters: Parameters) -> bool:
    try:
        simulation = Simulator.open(folder, parameters).simulation
    except InputError:
        return False
    return (simulation.customers, simulation.months, simulation.seed) == (customers, months, seed)


def everybody_answers() -> SurveyParameters:
    """Surveys that invite every customer in each quarter and after every contact, and that every
    invited customer answers.
    """
    return SurveyParameters(
        invited_a_quarter=(1.0, 1.0, 1.0, 1.0), after_contact=1.0, answer_base=1e3
    )


def compare(home: Home, folder: Path) -> None:
    """Print everything for each target."""
    shares, odds, rankings, calibrations, weights = [], [], [], [], []
    for target in TARGETS.values():
        survey = survey_dataset(home, target, TrainingConfig.read(), until=system_clock())
        truth = everybody(home, folder, target)
        shares += list(_shares(survey, truth))
        odds.append(_odds(folder, survey, target))
        ranking, calibration = _models(survey, truth, target)
        rankings += ranking
        calibrations += calibration
        weights.append(_weights(survey))
    show("Share of dissatisfied: truth, answers, weights, and bands", shares)
    show("How much more often dissatisfied customers answer", odds)
    show("AUC on the test period: from answers, and true", rankings)
    show("Observed over expected on the test period: from answers, and true", calibrations)
    show("Weights", weights)


def everybody(home: Home, folder: Path, target: SurveyTarget) -> Truth:
    """What everybody would have answered, at the cut-offs that a dataset has, or at every
    contact.
    """
    settings, surveys, now = LabelSettings.read(), SurveySettings.read(), system_clock()
    history, repository = RawHistory(home.raw, now), OperatorRepository(home)
    asked = eligible_rows(history, repository, target, settings, surveys).keys
    would = survey_rows(
        RawHistory(folder / "everybody" / "raw", now), target, asked, settings.gap_days, surveys
    )
    would = would.rows(np.flatnonzero(would.answered))
    did = survey_rows(history, target, asked, settings.gap_days, surveys)
    matrix = features_for(repository, target.service, would.ids.tolist(), would.cutoffs)
    with_features = np.flatnonzero(~np.isnan(matrix).all(axis=1))
    would, matrix = would.rows(with_features), matrix[with_features]
    quiet = is_silent(matrix[:, columns_of(target.service).index("days_since_answer")])
    happened = dict(zip(_keys(did), did.answered.tolist(), strict=True))
    outcome = np.array([{None: 0, False: 1, True: 2}[happened.get(key)] for key in _keys(would)])
    return Truth(
        label=would.label,
        matrix=matrix,
        cutoffs=would.cutoffs,
        groups={
            "everybody": np.ones(len(would), dtype=np.bool_),
            "silent": quiet,
            "heard": ~quiet,
            "answered": outcome == 2,
            "asked, no answer": outcome == 1,
        },
        satisfied=_satisfaction(folder, would),
    )


def _keys(rows: SurveyRows) -> list[tuple[str, object]]:
    return list(zip(rows.ids.tolist(), rows.cutoffs.tolist(), strict=True))


def _satisfaction(folder: Path, rows: SurveyRows) -> Floats:
    states = (
        pl.scan_parquet(folder / "operator" / "truth" / "states" / "*.parquet")
        .select("customer_id", pl.col("happened_at").dt.cast_time_unit("us"), "satisfaction")
        .unique(["customer_id", "happened_at"])
        .sort("happened_at")
        .collect()
    )
    asked = pl.DataFrame(
        {"row": np.arange(len(rows)), "customer_id": rows.customers, "at": rows.cutoffs}
    ).with_columns(
        pl.col("customer_id").cast(pl.String),
        pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    )
    matched = asked.sort("at").join_asof(
        states, left_on="at", right_on="happened_at", by="customer_id", check_sortedness=False
    )
    return matched.sort("row")["satisfaction"].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _shares(survey: SurveyDataset, truth: Truth) -> Iterator[Row]:
    quiet = survey.silent[survey.invited.answered]
    label = survey.invited.label[survey.invited.answered]
    members = {"everybody": np.ones(len(label), dtype=np.bool_), "silent": quiet, "heard": ~quiet}
    for group, mine in members.items():
        real = float(truth.label[truth.groups[group]].mean())
        design, response = survey.weights.design[mine], survey.weights.response[mine]
        bands = [_band(survey, mine, odds_ratio) for odds_ratio in ODDS_RATIOS]
        narrowed = _band(survey, mine, ODDS_RATIOS[-1], survey.reminder.odds_ratios)
        explains = odds_ratio_that_explains(real, label[mine], design, response)
        yield {
            "target": survey.dataset.target,
            "of": group,
            "truth": f"{real:.3f}",
            "answers": f"{label[mine].mean():.3f}",
            "by design": f"{np.average(label[mine], weights=design):.3f}",
            "weighted": f"{bands[0].estimate:.3f} ({bands[0].estimate_low:.3f} to {bands[0].estimate_high:.3f})",
            **{f"band at {band.odds_ratio:g}": _shown(band, real) for band in bands},
            "with the reminder": _shown(narrowed, real),
            "explained at": "never" if explains is None else f"{explains:.2f}",
        }


def _band(
    survey: SurveyDataset,
    mine: Flags,
    odds_ratio: float,
    possible: OddsRatios = ANY_ODDS_RATIO,
) -> SampledBand:
    answered = survey.invited.answered
    return sampled_prevalence(
        survey.invited.label[answered][mine],
        survey.weights.design[mine],
        survey.weights.response[mine],
        survey.invited.customers[answered][mine],
        odds_ratio,
        survey.config.assessment,
        survey.config.fitting.seed,
        possible,
    )


def _shown(band: SampledBand, real: float, digits: int = 3) -> str:
    """The band, and whether it contains the true figure: `nearly`, if only together with sampling."""
    verdict = "holds" if band.low <= real <= band.high else "nearly" if real in band else "misses"
    return f"{band.low:.{digits}f} to {band.high:.{digits}f} {verdict}"


def _odds(folder: Path, survey: SurveyDataset, target: SurveyTarget) -> Row:
    """The true odds ratio of answering: over all, and among customers who look alike."""
    invited, config = survey.invited, survey.config
    would = survey_rows(
        RawHistory(folder / "everybody" / "raw", system_clock()),
        target,
        invited.keys,
        config.labels.gap_days,
        config.surveys,
    )
    same = dict(
        zip(
            zip(would.invitation_ids.tolist(), would.cutoffs.tolist(), strict=True),
            would.label,
            strict=True,
        )
    )
    keys = zip(invited.invitation_ids.tolist(), invited.cutoffs.tolist(), strict=True)
    label = np.array([same.get(key, np.nan) for key in keys])
    labelled = ~np.isnan(label)
    answered = invited.answered[labelled]
    rates = [float(answered[label[labelled] == value].mean()) for value in (1, 0)]
    seen = np.column_stack(
        [label[labelled], logit(np.clip(survey.response.probability[labelled], 1e-6, 1 - 1e-6))]
    )
    by_looks = LogisticRegression(C=np.inf, max_iter=1000).fit(seen, answered)
    return {
        "target": target.name,
        "dissatisfied who answer": f"{rates[0]:.1%}",
        "others who answer": f"{rates[1]:.1%}",
        "odds ratio": f"{np.exp(logit(rates[0]) - logit(rates[1])):.2f}",
        "among those who look alike": f"{np.exp(by_looks.coef_[0, 0]):.2f}",
        "AUC of who answers": "none"
        if survey.response.auc is None
        else f"{survey.response.auc:.3f}",
    }


def _models(
    survey: SurveyDataset, truth: Truth, target: SurveyTarget
) -> tuple[list[Row], list[Row]]:
    """AUC and calibration of models on the test period: from answers, and true."""
    dataset = survey.dataset
    split = period_split(dataset, survey.config.labels)
    later = truth.cutoffs >= dataset.cutoffs[split.test].min()
    label, seen = (
        dataset.labels[target.horizon_days][split.test],
        np.ascontiguousarray(dataset.matrix[split.test]),
    )
    ranking: list[Row] = []
    calibration: list[Row] = []
    if target.entity == "customer":
        known = later & ~np.isnan(truth.satisfied)
        best = {
            group: _auc(truth.label, -truth.satisfied, known & members)
            for group, members in truth.groups.items()
        }
        ranking.append(
            {
                "target": target.name,
                "ranked by": "true satisfaction at the cut-off",
                "from answers, unweighted": "",
                "weighted": "",
                **best,
                "of lasting satisfaction": "",
            }
        )
    for name, weight in (
        ("unweighted", np.ones(len(dataset.weight))),
        ("weighted", dataset.weight),
    ):
        model = _fitted(replace(dataset, weight=weight), split, target, survey.config)
        predicted, own = model.score(seen).probability, weight[split.test]
        of_all = model.score(np.ascontiguousarray(truth.matrix)).probability
        real = {
            group: _auc(truth.label, of_all, later & members)
            for group, members in truth.groups.items()
        }
        from_answers = {
            "from answers, unweighted": f"{auc(label, predicted):.3f}",
            "weighted": f"{auc(label, predicted, dataset.weight[split.test]):.3f}",
        }
        lasting = _auc_of_lasting(truth, of_all, later) if target.entity == "customer" else ""
        of_lasting = {"of lasting satisfaction": lasting}
        row: Row = {"target": target.name, "ranked by": f"model, {name}"}
        ranking.append(row | from_answers | real | of_lasting)
        ratios = {
            group: float(
                truth.label[later & truth.groups[group]].sum()
                / of_all[later & truth.groups[group]].sum()
            )
            for group in ("everybody", "silent", "heard")
        }
        bands = [
            survey.calibration(split.test, predicted, odds_ratio) for odds_ratio in ODDS_RATIOS
        ]
        calibration.append(
            {
                "target": target.name,
                "model": name,
                "from answers": f"{float((own * label).sum() / (own * predicted).sum()):.2f}",
                **{
                    f"band at {band.odds_ratio:g}": _shown(band, ratios["everybody"], 2)
                    for band in bands
                },
                **{group: f"{ratio:.2f}" for group, ratio in ratios.items()},
            }
        )
    return ranking, calibration


def _auc_of_lasting(truth: Truth, score: Floats, rows: Flags) -> str:
    """AUC of who is least satisfied at the cut-off: as many as would give a dissatisfied answer."""
    known = rows & ~np.isnan(truth.satisfied)
    least = np.quantile(truth.satisfied[known], float(truth.label[known].mean()))
    return _auc((truth.satisfied <= least).astype(np.float64), score, known)


def _fitted(
    dataset: Dataset, split: PeriodSplit, target: SurveyTarget, config: TrainingConfig
) -> Scorer:
    horizon_models = fit_horizon_models(
        dataset, split.learnt, target, [DEFAULT_PARAMETERS], config
    ).models
    return Scorer(
        ModelVersion(
            name=target.name,
            service=target.service,
            features=dataset.features,
            horizon_models=horizon_models,
        ),
        threads=0,
    )


def _auc(label: Floats, score: Floats, rows: Flags) -> str:
    return f"{auc(label[rows], score[rows], np.ones(int(rows.sum()))):.3f}"


def _weights(survey: SurveyDataset) -> Row:
    facts, weights = survey.facts, survey.facts.weights
    everyone = facts.groups["all"]
    return {
        "target": facts.target,
        "invited": everyone.invited,
        "answered": everyone.answered,
        "invited, silent": facts.groups["silent"].invited,
        "answered, silent": facts.groups["silent"].answered,
        "effective, design": round(weights.design_effective_rows),
        "effective": round(weights.effective_rows),
        "weights": f"{weights.least:.2f} to {weights.most:.2f}",
        "clipped": f"{weights.clipped_share:.1%}",
        "unbalanced before": facts.unbalanced_before,
        "after": facts.unbalanced_after,
    }


if __name__ == "__main__":
    main()
