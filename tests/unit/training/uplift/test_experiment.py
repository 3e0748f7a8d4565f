"""What an experiment must have so that effects can be estimated from it, and what arms not drawn at
random give away.
"""

from dataclasses import replace

import numpy as np
import pytest

from holdfast.errors import InputError
from tests.builders.experiments import experiment
from training.uplift.balance import imbalances, missing_outcomes
from training.uplift.experiment import Experiment


def test_a_sound_experiment_passes() -> None:
    sound = experiment()
    assert sound.checked() is sound
    assert sound.binary


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"arms": ("control",)}, "--treatment", "at least two arms"),
        (
            {"arm": np.zeros(3_000, dtype=np.int64)},
            "--treatment",
            "at least 100 rows in arm 'call'",
        ),
        (
            {"arm": np.ones(3_000, dtype=np.int64)},
            "--treatment",
            "at least 100 rows in arm 'control'",
        ),
        ({"propensity": np.full(3_000, 1.0)}, "--propensity", "above 0 and below 1"),
        ({"propensity": np.full(3_000, 0.0)}, "--propensity", "above 0 and below 1"),
        ({"propensity": np.full(3_000, np.nan)}, "--propensity", "above 0 and below 1"),
        ({"outcome": np.ones(3_000)}, "--outcome", "not be the same in all rows"),
        (
            {"outcome": (np.arange(3_000) < 5).astype(float)},
            "--outcome",
            "at least 20 customers or groups with each outcome",
        ),
        # Twenty rows of ten households are ten losses.
        (
            {"outcome": (np.arange(3_000) < 20).astype(float), "cluster": np.arange(3_000) // 2},
            "--outcome",
            "at least 20 customers or groups with each outcome",
        ),
        ({"cluster": np.arange(3_000) // 100}, "--group", "at least 50"),
        ({"cluster": np.maximum(np.arange(3_000), 400)}, "--group", "more than 10%"),
    ],
)
def test_what_allows_no_estimate_is_refused_by_name(
    changes: dict[str, object], field: str, rule: str
) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        replace(experiment(), **changes).checked()
    assert caught.value.field == field


def test_some_rows_of_an_experiment() -> None:
    sound = replace(experiment(cluster=2), marks={"again": np.arange(3_000) % 3 == 0})
    part = sound.rows(np.array([4, 5, 2_000]))
    assert part.cluster.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(part.matrix, sound.matrix[[4, 5, 2_000]])
    assert part.marks["again"].tolist() == [False, False, False]
    assert sound.marked()["again"]["control"] == pytest.approx(1 / 3, abs=0.05)


def test_clusters_of_an_arm_count_by_their_size_and_in_each_arm_that_they_have_rows_in() -> None:
    arm = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    cluster = np.array([7, 7, 7, 2, 2, 3, 4, 5])
    drawn = replace(experiment(rows=8), arm=arm, cluster=cluster, propensity=np.full(8, 0.5))
    assert drawn.clusters(0) == (2, pytest.approx(4**2 / (3**2 + 1)))
    assert drawn.clusters(1) == (4, pytest.approx(4.0))
    # A row that stands for three counts three times.
    rare = replace(drawn, propensity=np.where(cluster == 5, 0.2, 0.6))
    assert rare.clusters(1) == (4, pytest.approx(6**2 / (3 + 3**2)))


def test_arms_drawn_at_random_raise_no_flag() -> None:
    flagged = sum(
        bool(imbalances(experiment(seed=seed, rows=1_000, features=20))) for seed in range(100)
    )
    assert flagged <= 2  # one in a thousand is expected


def test_a_column_written_after_the_treatment_is_flagged() -> None:
    sound = experiment(rows=4_000)
    random = np.random.default_rng(1)
    leaked = sound.matrix.copy()
    leaked[:, 3] += 0.3 * sound.arm
    leaked[(sound.arm == 1) & (random.random(4_000) < 0.2), 4] = np.nan
    leaked[:, 5] = np.where(random.random(4_000) < 0.1, sound.arm, 2)
    sound = replace(sound, matrix=leaked, categories={5: ("no", "yes", "other")})
    assert {flag.feature for flag in imbalances(sound)} == {"f3", "f4", "f5"}
    assert {flag.arm for flag in imbalances(sound)} == {"call"}


def test_a_column_that_is_the_arm_itself_is_flagged_in_arms_of_one_size() -> None:
    sound = experiment(rows=2_000)
    arm = np.arange(2_000) % 2
    copied = np.column_stack([sound.matrix[:, :5], arm])
    halves = replace(sound, arm=arm, propensity=np.full(2_000, 0.5), matrix=copied)
    assert [flag.feature for flag in imbalances(halves)] == ["f5"]


def test_outcomes_missing_in_whole_households_are_no_reason_for_a_flag() -> None:
    flagged = alone = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        shop = np.repeat(np.arange(80), 25)
        arm = random.permutation(80)[shop] % 2
        missing = (random.random(80) < 0.2)[shop]
        flagged += bool(missing_outcomes(("control", "call"), arm, missing, shop))
        alone += bool(missing_outcomes(("control", "call"), arm, missing, np.arange(2_000)))
    assert flagged <= 2  # one in a thousand is expected
    assert alone > 50


def test_outcomes_missing_in_all_of_an_arm_are_flagged() -> None:
    arm = np.arange(400) % 2
    (flag,) = missing_outcomes(("control", "call"), arm, arm == 1, np.arange(400))
    assert (flag.arm, flag.of_missing_outcomes, flag.z) == ("call", True, pytest.approx(20.0))
    nobody = np.zeros(400, dtype=bool)
    assert missing_outcomes(("control", "call"), arm, nobody, np.arange(400)) == ()


def test_arms_with_other_shares_than_their_propensities_are_flagged() -> None:
    sound = experiment(rows=4_000, treated=0.6)
    assert not imbalances(sound)
    wrong = replace(sound, propensity=np.full(4_000, 0.5))
    assert {(flag.arm, flag.feature) for flag in imbalances(wrong)} == {
        ("control", None),
        ("call", None),
    }
    assert not imbalances(experiment(rows=4_000, treated=0.6, stored=False))


def test_households_drawn_together_are_no_reason_for_a_flag() -> None:
    flagged = 0
    for seed in range(40):
        sound: Experiment = experiment(rows=1_500, seed=seed, cluster=5)
        sound = replace(
            sound, matrix=np.random.default_rng(seed).normal(size=(300, 6))[sound.cluster]
        )
        flagged += bool(imbalances(sound))
    assert flagged <= 1
