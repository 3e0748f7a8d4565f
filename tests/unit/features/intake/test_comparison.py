"""Tonight's shares of empty values beside those of other nights."""

from datetime import date

import numpy as np
import pytest

from features.contracts.tables import TABLES
from features.intake.comparison import compare_shares
from features.intake.day_profiles import DAYS, DayProfiles


def profiles(empty: float) -> DayProfiles:
    """Orders, 200 a day; the share of the last day's that name no line."""
    rows, nulls = np.full(DAYS + 1, 200.0), np.zeros(DAYS + 1)
    nulls[-1] = 200 * empty
    return DayProfiles(
        last=date(2025, 3, 1),
        known_days=DAYS,
        unknown_days=0,
        rows=rows,
        nulls={"subscription_id": nulls},
    )


@pytest.mark.parametrize(("empty", "is_told"), [(0.36, False), (0.9, True)])
def test_ids_of_what_has_yet_to_arrive_are_no_doubt(empty: float, is_told: bool) -> None:
    told = list(compare_shares(profiles(empty), profiles(0.0), TABLES["orders"]))
    assert bool(told) is is_told
