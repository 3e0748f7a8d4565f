"""Horizon models learn, and are calibrated, from all rows before the test period."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from holdfast.errors import InputError
from models.boosters.average import average_margin
from models.strata import Strata
from models.target import Target
from models.version import HorizonModel
from training.fitting import horizon_models, sampling
from training.fitting.horizon_models import FittingRecord, fit_horizon_models
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.labelling.dataset import Dataset
from training.labelling.periods import PeriodSplit
from training.settings import TrainingConfig, TrainingSettings

KINDS = Strata("kind", ("even", "odd"))
TARGET = Target(
    name="leaves",
    about="the customer leaves",
    entity="customer",
    service="made_up",
    horizons_days=(30, 90),
    direction="none",
    strata=KINDS,
)
CONFIG = TrainingConfig(fitting=TrainingSettings(max_rounds=60, patience_rounds=10))
CUSTOMERS, CUTOFFS = 600, 4
ROWS = CUSTOMERS * CUTOFFS


def made_up(late: float = 0.0, opposite: bool = False) -> Dataset:
    """Rows whose first feature tells of the outcome.

    Parameters
    ----------
    late : float
        Log-odds that the last fifth of the customers, those for tuning, have more.
    opposite : bool
        In the second stratum it tells the opposite.
    """
    random = np.random.default_rng(3)
    customer = np.tile(np.arange(CUSTOMERS), CUTOFFS)
    kind = (customer % 2).astype(np.float64)
    signal = random.normal(size=ROWS)
    sign = np.where(opposite & (kind == 1), -1.0, 1.0)
    risk = expit(-2.0 + 1.5 * sign * signal + late * (customer >= 0.8 * CUSTOMERS))
    chance = random.random(ROWS)
    names = np.array([f"c{number:04d}" for number in customer.tolist()])
    times = np.datetime64("2025-01-06", "us") + np.arange(CUTOFFS) * np.timedelta64(28, "D")
    return Dataset(
        target=TARGET.name,
        service=TARGET.service,
        features=("signal", "noise", "kind"),
        ids=names,
        customers=names,
        cutoffs=np.repeat(times, CUSTOMERS),
        label_ends=np.repeat(times, CUSTOMERS) + np.timedelta64(97, "D"),
        complete=np.ones(len(times) * CUSTOMERS, dtype=np.bool_),
        matrix=np.column_stack([signal, random.normal(size=ROWS), kind]),
        labels={30: (chance < risk / 2).astype(float), 90: (chance < risk).astype(float)},
        weight=np.where(customer % 3 == 0, 2.0, 1.0),
        slices={},
        holdout=np.zeros(ROWS, dtype=bool),
        excluded={},
    )


def split_of(dataset: Dataset) -> PeriodSplit:
    """All rows but those of the last cut-off to learn from."""
    last = dataset.cutoffs == dataset.cutoffs.max()
    number = np.array([int(name[1:]) for name in dataset.customers.tolist()])
    tune = number >= 0.8 * CUSTOMERS
    return PeriodSplit(
        fit=np.flatnonzero(~last & ~tune),
        tune=np.flatnonzero(~last & tune),
        test=np.flatnonzero(last),
        purged=0,
        newer=np.flatnonzero(~dataset.complete),
    )


def fitted(dataset: Dataset) -> tuple[tuple[HorizonModel, ...], FittingRecord]:
    fit = fit_horizon_models(
        dataset, split_of(dataset).learnt, TARGET, [DEFAULT_PARAMETERS], CONFIG
    )
    return fit.models, fit.record


def probability(model: HorizonModel, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    strata = KINDS.of(dataset.matrix[rows, 2])
    predicted = np.empty(len(rows))
    for name in KINDS.names:
        one, chosen = model.stratum_model(name), strata == name
        margin = average_margin(one.boosters, dataset.matrix[rows[chosen]], threads=1)
        predicted[chosen] = one.calibration.probability(margin)
    return predicted


@pytest.mark.parametrize("late", [-3.0, 1.5])
def test_the_level_is_that_of_all_customers_and_not_of_a_part_of_them(late: float) -> None:
    """The customers whose rows would be held out leave far less, or more, often than the rest."""
    dataset = made_up(late)
    split = split_of(dataset)
    models, _ = fitted(dataset)
    for model in models:
        label = dataset.labels[model.horizon_days or 0]
        for rows in (split.learnt, split.test):
            observed = np.average(label[rows], weights=dataset.weight[rows])
            predicted = np.average(probability(model, dataset, rows), weights=dataset.weight[rows])
            held_out = np.average(label[split.tune], weights=dataset.weight[split.tune])
            assert predicted == pytest.approx(observed, rel=0.1)
            assert held_out != pytest.approx(observed, rel=0.4)


def test_calibrations_see_every_row_with_a_known_label_by_a_margin_it_did_not_teach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = made_up()
    unknown = dataset.labels[30].copy()
    unknown[:50] = np.nan
    dataset = replace(dataset, labels={**dataset.labels, 30: unknown})
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    choose = horizon_models.choose_calibration

    def watched(margin: np.ndarray, label: np.ndarray, *rest: object) -> object:
        seen.append((margin, label))
        return choose(margin, label, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(horizon_models, "choose_calibration", watched)
    # One horizon after the other, so that calls come in order.
    monkeypatch.setattr(horizon_models, "core_count", lambda: 1)
    models, record = fitted(dataset)
    learnt = split_of(dataset).learnt
    assert [len(label) for _, label in seen] == [
        len(learnt) - 50,
        *(
            int((~np.isnan(unknown[learnt]) & (dataset.matrix[learnt, 2] == kind)).sum())
            for kind in (0, 1)
        ),
        len(learnt),
        *(int((dataset.matrix[learnt, 2] == kind).sum()) for kind in (0, 1)),
    ]
    served = average_margin(models[1].everyone.boosters, dataset.matrix[learnt], threads=1)
    margin, label = seen[3]
    assert np.array_equal(label, dataset.labels[90][learnt])
    assert not np.isclose(margin, served).any()
    assert set(record.calibrations) == {"30", "30/even", "30/odd", "90", "90/even", "90/odd"}


@pytest.mark.parametrize("opposite", [False, True])
def test_a_stratum_has_its_own_booster_only_with_enough_losses_and_where_it_predicts_better(
    opposite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made_up(opposite=opposite)
    _, record = fitted(dataset)
    assert record.boosters == {}
    monkeypatch.setattr(horizon_models, "FEWEST_FOR_OWN_BOOSTER", 50)
    models, record = fitted(dataset)
    for model in models:
        for stratum in KINDS.names:
            name = f"{model.horizon_days}/{stratum}"
            tried = record.boosters[name]
            own = not model.stratum_model(stratum).shares_boosters(model.everyone)
            assert tried["own_wins"] == own == (tried["own_log_loss"] < tried["shared_log_loss"])
            assert (name in record.rounds) == own
    assert all(tried["own_wins"] for tried in record.boosters.values()) == opposite


def test_rows_of_one_customer_are_one_loss_where_strata_are_allowed_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same rows, once of 600 customers and once of 60 with ten times as many rows each."""
    dataset = made_up()
    few = np.array([f"c{int(name[1:]) % 60:04d}" for name in dataset.customers.tolist()])
    learnt = split_of(dataset).learnt
    losses = {
        kind: [
            len(np.unique(customers[learnt][lost[learnt]]))
            for customers in (dataset.customers, few)
            for lost in [(dataset.labels[90] == 1) & (dataset.matrix[:, 2] == kind)]
        ]
        for kind in (0, 1)
    }
    bound = 40
    assert all(many >= bound > some for many, some in losses.values())
    monkeypatch.setattr(horizon_models, "FEWEST_FOR_OWN_BOOSTER", bound)
    monkeypatch.setattr(horizon_models, "FEWEST_FOR_OWN_CALIBRATION", bound)
    _, many = fitted(dataset)
    assert {"90/even", "90/odd"} == {name for name in many.boosters if name.startswith("90")}
    assert {"90/even", "90/odd"} < set(many.calibrations)
    models, some = fitted(replace(dataset, customers=few))
    assert some.boosters == {}
    assert set(some.calibrations) == {"30", "90"}
    for model in models:
        for stratum in KINDS.names:
            assert model.stratum_model(stratum).calibration == model.everyone.calibration


def test_the_same_rows_give_the_same_bytes() -> None:
    first, second = (fitted(made_up())[0] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.bands == other.bands
        for name in one.stratum_models:
            here, there = one.stratum_models[name], other.stratum_models[name]
            assert [booster.model_to_string() for booster in here.boosters] == [
                booster.model_to_string() for booster in there.boosters
            ]
            assert here.calibration == there.calibration


def test_too_few_customers_with_the_outcome_are_refused() -> None:
    dataset = made_up()
    label = np.zeros(ROWS)
    label[split_of(dataset).learnt[:1]] = 1
    with pytest.raises(
        InputError,
        match=r"leaves, rows before the test period: must be of at least two customers with the"
        r" outcome within 30 days",
    ):
        fitted(replace(dataset, labels={**dataset.labels, 30: label}))


def test_a_sample_of_the_rows_that_stayed_changes_no_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "FEWEST_NEGATIVES", 100)
    monkeypatch.setattr(sampling, "NEGATIVES_PER_POSITIVE", 2)
    dataset = made_up()
    split = split_of(dataset)
    fit = fit_horizon_models(dataset, split.learnt, TARGET, [DEFAULT_PARAMETERS], CONFIG)
    for model in fit.models:
        days = model.horizon_days or 0
        label, sampled = dataset.labels[days], fit.out_of_fold[days]
        assert len(sampled.rows) <= 3 * label[split.learnt].sum() + 8 < len(split.learnt)
        assert sampled.weight.sum() == pytest.approx(dataset.weight[split.learnt].sum(), rel=0.05)
        observed = np.average(label[split.test], weights=dataset.weight[split.test])
        predicted = np.average(
            probability(model, dataset, split.test), weights=dataset.weight[split.test]
        )
        assert predicted == pytest.approx(observed, rel=0.15)


def test_models_are_fitted_again_on_more_rows_as_they_were_chosen() -> None:
    dataset = made_up()
    split = split_of(dataset)
    chosen = fit_horizon_models(dataset, split.learnt, TARGET, [DEFAULT_PARAMETERS], CONFIG)
    again = fit_horizon_models(dataset, split.learnt, TARGET, [], CONFIG, chosen.plan)
    assert again.plan == chosen.plan
    for one, other in zip(chosen.models, again.models, strict=True):
        assert one.bands == other.bands
        assert one.everyone.calibration == other.everyone.calibration
    everything = fit_horizon_models(dataset, np.arange(ROWS), TARGET, [], CONFIG, chosen.plan)
    assert everything.record.rounds == chosen.record.rounds
    assert len(everything.out_of_fold[90].rows) == ROWS


def test_horizons_side_by_side_are_those_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(horizon_models, "FEWEST_FOR_OWN_BOOSTER", 50)
    monkeypatch.setattr(sampling, "FEWEST_NEGATIVES", 100)
    monkeypatch.setattr(sampling, "NEGATIVES_PER_POSITIVE", 3)
    dataset = made_up(opposite=True)

    def fit(cores: int) -> horizon_models.FittedModels:
        monkeypatch.setattr(horizon_models, "core_count", lambda: cores)
        rows = split_of(dataset).learnt
        return fit_horizon_models(dataset, rows, TARGET, [DEFAULT_PARAMETERS], CONFIG)

    alone, together = fit(1), fit(2)
    assert together.record == alone.record
    assert list(together.record.rounds) == list(alone.record.rounds)
    assert together.plan == alone.plan
    for days, one in alone.out_of_fold.items():
        other = together.out_of_fold[days]
        assert np.array_equal(other.probability, one.probability)
        assert np.array_equal(other.weight, one.weight)
    for model, other_model in zip(alone.models, together.models, strict=True):
        assert other_model.bands == model.bands
        for name, stratum in model.stratum_models.items():
            assert [booster.model_to_string() for booster in stratum.boosters] == [
                booster.model_to_string() for booster in other_model.stratum_models[name].boosters
            ]
