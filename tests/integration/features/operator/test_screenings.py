"""What registers say of customers: the newest of each register, and all registers together."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from care.consents import NO_SCREENINGS, Screenings
from care.policy import NO, UNKNOWN, YES
from features.operator.screenings import screenings_known
from tests.builders.screenings import write_screenings

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def test_nobody_was_compared_without_the_table(tmp_path: Path) -> None:
    assert screenings_known(tmp_path, NOW) == ([], [], [])
    facts = NO_SCREENINGS.of(np.array(["C1"]))
    assert (facts["is_on_do_not_call"].tolist(), facts["screened_at"].tolist()) == ([UNKNOWN], [0])


def test_all_registers_count_and_of_each_the_newest_comparison(tmp_path: Path) -> None:
    write_screenings(
        tmp_path,
        ("C1", "TPS", "listed", NOW - 9 * DAY),
        ("C1", "TPS", "not_listed", NOW - 2 * DAY),
        ("C1", "own", "not_listed", NOW - 5 * DAY),
        ("C2", "TPS", "not_listed", NOW - DAY),
        ("C2", "own", "listed", NOW - 40 * DAY),
        ("C3", "TPS", "not_listed", NOW - DAY),
        ("C3", "own", "other", NOW - DAY),
        ("C5", "TPS", "not_listed", NOW + DAY),
    )
    known = Screenings(*screenings_known(tmp_path, NOW))
    facts = known.of(np.array(["C3", "C1", "C0", "C2", "C5", "C9"]))
    assert facts["is_on_do_not_call"].tolist() == [UNKNOWN, NO, UNKNOWN, YES, UNKNOWN, UNKNOWN]
    days = [1, 5, None, 40, None, None]
    assert facts["screened_at"].tolist() == [
        0 if one is None else microseconds(NOW - one * DAY) for one in days
    ]
    assert screenings_known(tmp_path, NOW, {"C1", "C9"})[:2] == (["C1"], [False])
