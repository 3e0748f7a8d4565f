"""How far back training looks."""

from datetime import UTC, datetime

import numpy as np

from training.labelling.reach import days_of_raw_rows, days_of_snapshots, labelled_mondays
from training.settings import GateSettings, LabelSettings, TrainingConfig

MONDAYS = np.datetime64("2025-01-06", "us") + np.arange(20) * np.timedelta64(7, "D")


def test_longer_labels_and_tests_look_farther_back() -> None:
    usual = TrainingConfig()
    late = TrainingConfig(labels=LabelSettings(inactivity_days=60))
    assert days_of_snapshots(late) >= days_of_snapshots(usual) + 2 * 30
    assert days_of_raw_rows(late) - days_of_snapshots(late) == 60 + 7
    strict = TrainingConfig(gate=GateSettings(fewest_test_days=365))
    assert days_of_snapshots(strict) > 4 * 365


def test_cutoffs_have_the_rows_behind_them_that_tell_who_is_inactive() -> None:
    assert labelled_mondays(MONDAYS, None, 30) is MONDAYS
    since = datetime(2025, 1, 6, tzinfo=UTC)
    assert labelled_mondays(MONDAYS, since, 30)[0] == np.datetime64("2025-02-17")
    assert labelled_mondays(MONDAYS, since, 60)[0] == np.datetime64("2025-03-17")
    assert len(labelled_mondays(MONDAYS, datetime(2026, 1, 1, tzinfo=UTC), 30)) == 0
