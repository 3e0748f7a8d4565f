from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss

import training.fitting.tune
from holdfast.errors import InputError
from holdfast.settings import Section
from models.boosters.average import average_margin
from models.reasons.cost import explanation_cost
from training.fitting.blend import Member
from training.fitting.budget import TuningBudget
from training.fitting.constraints import constrained
from training.fitting.fit import TrainingTable, fit_early_stopped
from training.fitting.parameters import DEFAULT_PARAMETERS
from training.fitting.tune import Tuned, priced, tune
from training.settings import GateSettings, TrainingConfig, TrainingSettings, TuningSettings

SETTINGS = TrainingSettings(max_rounds=80, patience_rounds=10)
CONFIG = TrainingConfig(fitting=SETTINGS)


def _table(rows: int, seed: int) -> TrainingTable:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 6))
    matrix[:, 5] = random.integers(0, 4, rows)
    rate = 1 / (1 + np.exp(-(matrix[:, 0] + matrix[:, 1] * matrix[:, 2] + (matrix[:, 5] == 2) - 1)))
    return TrainingTable(
        matrix=matrix,
        label=(random.random(rows) < rate).astype(float),
        group=None,
        features=tuple("abcdef"),
        categorical=(5,),
        weight=random.choice([0.5, 2.0], rows),
    )


TRAIN, VALID = _table(500, 1), _table(400, 2)


def _tune(
    trials: int,
    storage: Path | None = None,
    config: TrainingConfig = CONFIG,
    **options: object,
) -> Tuned:
    return tune(
        TRAIN,
        VALID,
        TuningBudget(trials=trials),
        config,
        storage=storage,
        threads=1,
        **options,
    )  # type: ignore[arg-type]


def _with(**sections: Section) -> TrainingConfig:
    return CONFIG.model_copy(update=sections)


def _found(tuned: Tuned) -> list[tuple[object, ...]]:
    return [
        (t.number, t.parameters, t.pruned, t.value, t.log_loss, t.rounds, t.leaves)
        for t in tuned.trials
    ]


@pytest.fixture(scope="module")
def tuned() -> Tuned:
    return _tune(20)


def test_the_default_parameters_comes_first_and_nothing_worse_is_kept(tuned: Tuned) -> None:
    first = tuned.trials[0]
    assert {
        name: value for name, value in first.parameters.items() if name in DEFAULT_PARAMETERS
    }.items() <= DEFAULT_PARAMETERS.items()
    assert first.log_loss == pytest.approx(_log_loss(DEFAULT_PARAMETERS))
    assert tuned.value == min(trial.value for trial in tuned.trials if trial.value is not None)
    assert _tune(1).parameters == {**DEFAULT_PARAMETERS, "feature_pre_filter": False}


def _log_loss(parameters: dict[str, object]) -> float:
    booster, _ = fit_early_stopped(TRAIN, VALID, parameters, SETTINGS, threads=1)
    return float(log_loss(VALID.label, booster.predict(VALID.matrix), sample_weight=VALID.weight))


def test_the_parameters_gives_again_what_its_trial_found(tuned: Tuned) -> None:
    (best,) = (trial for trial in tuned.trials if trial.value == tuned.value)
    booster, rounds = fit_early_stopped(TRAIN, VALID, tuned.parameters, SETTINGS, threads=2)
    assert rounds == tuned.rounds == best.rounds
    assert explanation_cost(booster) == best.leaves
    assert _log_loss(tuned.parameters) == pytest.approx(best.log_loss)
    assert tuned.value == priced(best.log_loss or 0.0, best.leaves or 0, price=0.002)


def test_the_search_earns_its_time_and_ends_hopeless_trials_early(tuned: Tuned) -> None:
    assert len(tuned.trials) == 20
    assert tuned.value < (tuned.trials[0].value or 0.0)
    pruned = [trial for trial in tuned.trials if trial.pruned]
    assert 0 < len(pruned) < 15
    assert all(trial.value is None and trial.number >= 5 for trial in pruned)


def test_a_study_carries_on_as_if_it_had_never_stopped(tuned: Tuned, tmp_path: Path) -> None:
    storage = tmp_path / "home" / "tuning.db"
    assert _found(_tune(6, storage)) == _found(tuned)[:6]
    assert _found(_tune(20, storage)) == _found(tuned)
    again = _tune(20, storage)
    assert _found(again) == _found(tuned)
    assert again.parameters == tuned.parameters


@pytest.mark.parametrize("killed_at", [0, 7])
def test_a_trial_that_was_cut_short_is_run_again(
    tuned: Tuned, killed_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = tmp_path / "tuning.db"
    fit, calls = training.fitting.tune.boost_until_worse, 0

    def killed(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls > killed_at:
            raise KeyboardInterrupt
        return fit(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training.fitting.tune, "boost_until_worse", killed)
    with pytest.raises(KeyboardInterrupt):
        _tune(12, storage)
    monkeypatch.setattr(training.fitting.tune, "boost_until_worse", fit)
    assert _found(_tune(12, storage)) == _found(tuned)[:12]


def test_trials_on_other_rows_or_under_another_price_do_not_count(
    tmp_path: Path,
) -> None:
    storage = tmp_path / "tuning.db"
    first = _tune(2, storage)
    corrected = replace(VALID, label=1 - VALID.label)
    other = tune(TRAIN, corrected, TuningBudget(trials=2), CONFIG, storage=storage, threads=1)
    assert [trial.log_loss for trial in other.trials] != [trial.log_loss for trial in first.trials]
    assert _found(_tune(1, storage, study="another"))[0] == _found(first)[0]
    dear = _tune(2, storage, _with(tuning=TuningSettings(explanation_price=0.5)))
    assert [trial.value for trial in dear.trials] != [trial.value for trial in first.trials]


def test_slower_models_and_averages_of_many_must_earn_it() -> None:
    by_price = {}
    for price in (0, 1):
        # Few enough trials that all are drawn at random, whatever the earlier ones cost.
        by_price[price] = _tune(8, config=_with(tuning=TuningSettings(explanation_price=price)))
    free, dear = by_price[0], by_price[1]
    assert [trial.log_loss for trial in free.trials] == [trial.log_loss for trial in dear.trials]
    finished = [trial for trial in dear.trials if not trial.pruned]
    assert all(
        trial.value == priced(trial.log_loss or 0.0, trial.leaves or 0, 1.0) for trial in finished
    )
    assert len(dear.members) == 1 < len(free.members)


def test_an_average_is_better_than_the_default_parameters_and_than_its_members_are_alone(
    tuned: Tuned,
) -> None:
    assert 1 < len(tuned.members) <= 8
    assert tuned.members[0] == Member(tuned.parameters, tuned.rounds)
    parameter_sets = [member.parameters for member in tuned.members]
    fits = [fit_early_stopped(TRAIN, VALID, one, SETTINGS, threads=1) for one in parameter_sets]
    assert [rounds for _, rounds in fits] == [member.rounds for member in tuned.members]
    boosters = [booster for booster, _ in fits]
    probability = expit(average_margin(boosters, VALID.matrix, threads=1))
    together = float(log_loss(VALID.label, probability, sample_weight=VALID.weight))
    leaves = explanation_cost(*boosters)
    alone = [_log_loss(dict(parameters)) for parameters in parameter_sets]
    assert priced(together, leaves, 0.002) < min(np.mean(alone), tuned.trials[0].value or 0.0)


def test_no_more_are_averaged_than_the_settings_allow(tuned: Tuned) -> None:
    one = TuningSettings(blend=1)
    alone = _tune(20, config=_with(tuning=one))
    assert alone.members == tuned.members[:1]
    assert _found(alone) == _found(tuned)
    small = _tune(20, config=_with(tuning=one, gate=GateSettings(most_leaves=400)))
    assert len(small.members) == 1
    assert next(trial.leaves or 0 for trial in small.trials if trial.value == small.value) <= 400


@given(st.floats(0.01, 1), st.integers(0, 100_000), st.integers(1, 1000), st.floats(0.001, 1))
def test_every_leaf_costs(loss: float, leaves: int, more: int, price: float) -> None:
    assert priced(loss, leaves + more, price) > priced(loss, leaves, price) >= loss
    assert priced(loss, leaves, price=0) == loss


def test_what_was_tuned_under_constraints_gives_again_what_its_trial_found(tuned: Tuned) -> None:
    constraints = (1, 0, 0, 0, 0, 0)
    result = _tune(12, constraints=constraints)
    assert "monotone_constraints" not in result.parameters
    assert "path_smooth" not in result.parameters
    parameters = constrained(result.parameters, constraints)
    (best,) = (trial for trial in result.trials if trial.value == result.value)
    assert _log_loss(parameters) == pytest.approx(best.log_loss)
    assert result.trials[0].log_loss != tuned.trials[0].log_loss


def test_a_time_budget_tries_at_least_the_default_parameters_and_counts_earlier_runs(
    tmp_path: Path,
) -> None:
    storage = tmp_path / "tuning.db"
    for _ in range(2):
        result = tune(TRAIN, VALID, TuningBudget(seconds=1e-9), CONFIG, storage=storage, threads=1)
        assert [trial.number for trial in result.trials] == [0]


@pytest.mark.parametrize(
    "budget, message",
    [
        ({}, "budget: needs trials or seconds"),
        ({"trials": 0}, r"budget.trials: must be at least 1 \(got 0\)"),
        ({"seconds": 0.0}, "budget.seconds: must be above 0"),
        ({"seconds": float("nan")}, "budget.seconds: must be above 0"),
    ],
)
def test_a_budget_that_ends_nothing(budget: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TuningBudget(**budget)  # type: ignore[arg-type]


def test_rows_that_cannot_be_tuned_on() -> None:
    one_class = replace(VALID, label=np.zeros(len(VALID.label)))
    with pytest.raises(InputError, match=r"valid\.label: both classes"):
        tune(TRAIN, one_class, TuningBudget(trials=1), CONFIG)
    with pytest.raises(InputError, match=r"valid\.features"):
        tune(
            TRAIN,
            replace(VALID, features=tuple("abcdeg")),
            TuningBudget(trials=1),
            CONFIG,
        )


def test_a_storage_that_is_no_database(tmp_path: Path) -> None:
    damaged = tmp_path / "tuning.db"
    damaged.write_text("not a database, but long enough to be taken for one by its size" * 20)
    for storage in (damaged, tmp_path):
        with pytest.raises(InputError, match="storage: must be a SQLite file"):
            _tune(1, storage)
    assert damaged.read_text().startswith("not a database")
