"""How `holdfast demo` tells what the service answered."""

from typing import Any

import pytest
from rich.console import Console

from commands.demo import _print_answer


def prediction(subscription: str, customer: str | None, *marks: str) -> dict[str, Any]:
    return {
        "subscription_id": subscription,
        "customer_id": customer,
        "model": "churn",
        "version": "1",
        "horizon_days": 30,
        "probability": 0.25,
        "band": "high",
        "feature_time": "2025-06-30T00:00:00+00:00",
        "marks": list(marks),
        "reasons": [],
    }


def test_marks_stand_with_the_subscription_that_has_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = {
        "predictions": [
            prediction("S1", "C1", "profiling_objection"),
            prediction("S2", "C2"),
            prediction("S3", None, "shadow"),
        ]
    }
    _print_answer(Console(highlight=False), answer)
    title, *lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert title.startswith("Answers of the service, by churn 1, as known on 2025-06-30")
    assert lines == [
        "subscription S1 of customer C1: 25.0% within 30 days; high, profiling_objection",
        "subscription S2 of customer C2: 25.0% within 30 days; high",
        "subscription S3: 25.0% within 30 days; high, shadow",
    ]
