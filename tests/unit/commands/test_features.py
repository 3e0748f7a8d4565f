"""What `holdfast features show` prints of a missing value."""

from datetime import UTC, datetime

import pytest

from commands.features import _print_profile
from features.fields import VIEWS
from features.online.profile import KnownFeature, Profile


def test_a_missing_value_is_shown_with_what_it_means(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    of_line = {feature.name: feature for feature in VIEWS["contract"].features}
    now = datetime(2026, 1, 5, tzinfo=UTC)
    values = {"termination_fee": None, "monthly_fee": None, "days_to_commitment_end": 30.0}
    known = [KnownFeature("contract", of_line[name], values[name], now, False) for name in values]
    _print_profile(Profile("churn_v1", "subscription", "007", tuple(known)))
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "What leaving would cost; null: no termination fee" in lines["termination_fee"]
    assert "null" not in lines["monthly_fee"] + lines["days_to_commitment_end"]
