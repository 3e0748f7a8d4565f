"""What a plan will be able to see: by the predictions of those drawn, over the days that count."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from commands.care.campaign import told_sizing
from holdfast.home import Home
from models.score_set import read_facts
from pipeline.care.plan import Sizing, plan_campaign
from pipeline.care.workspace import care_of
from tests.builders.care_home import CAMPAIGN, NOON, SETTINGS
from tests.builders.night import FEATURES


def noon() -> datetime:
    return NOON


def keep_scores(home: Home, rows: Callable[[pa.Table], pa.Table]) -> None:
    """Leave some rows of the newest scores of churn."""
    (path,) = home.score_sets.glob("at=*/churn.parquet")
    about = dict(pq.read_metadata(path).metadata)
    about.pop(b"ARROW:schema", None)
    pq.write_table(rows(pq.read_table(path)).replace_schema_metadata(about), path)


ANYONE = """
[triggers.anyone]
when = [{ fact = "open_tickets", at_least = 0.0 }]
source = "service"
actions = ["courtesy_call"]
valid_days = 7
"""


def test_a_plan_about_lines_without_a_prediction_says_so_and_stops_nothing(home: Home) -> None:
    catalogue = home.care / "catalogue.toml"
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + ANYONE, encoding="utf-8")
    campaign = CAMPAIGN.replace('"everybody"', '"anyone"')
    (home.care / "campaigns" / "anyone.toml").write_text(campaign, encoding="utf-8")
    with care_of(home, SETTINGS) as care:
        all_scored = plan_campaign(care, "anyone", FEATURES, noon)
        sized = all_scored.sizing
        assert sized is not None
        keep_scores(home, lambda rows: rows.slice(0, len(rows) // 2))
        part = plan_campaign(care, "anyone", FEATURES, noon)
        assert part.sizing is not None
        assert part.sizing.half_width > 0
        assert all_scored.without_risk < part.without_risk < part.counts.intended
        told = f"{part.without_risk} of them have no prediction"
        assert told in part.page.read_text(encoding="utf-8")
        keep_scores(home, lambda rows: rows.slice(0, 0))
        none = plan_campaign(care, "anyone", FEATURES, noon)
        assert none.sizing is None
        assert none.without_risk == none.counts.intended > 0
        assert none.to_json()["without_risk"] == none.without_risk
        assert f"None of the {none.without_risk} who were drawn has a prediction" in (
            none.page.read_text(encoding="utf-8")
        )


def test_a_plan_is_sized_by_predictions_of_the_days_that_its_outcome_is_counted_over(
    home: Home,
) -> None:
    for days in (60, 90):
        text = CAMPAIGN.replace("outcome_days = 30", f"outcome_days = {days}")
        (home.care / "campaigns" / f"for_{days}.toml").write_text(text, encoding="utf-8")
    (path,) = home.score_sets.glob("at=*/churn.parquet")
    scores = pq.read_table(path).select(["subscription_id", "horizon_days", "probability"])
    expected = read_facts(path).expected
    stays = {
        (row["subscription_id"], row["horizon_days"]): 1 - row["probability"]
        for row in scores.to_pylist()
    }
    with care_of(home, SETTINGS) as care:
        names = {30: "calls", 60: "for_60", 90: "for_90"}
        plans = {days: plan_campaign(care, name, FEATURES, noon) for days, name in names.items()}
        drawn = {
            days: pq.read_table(
                home.care / "plans" / f"{plan.row.plan_id}.parquet",
                filters=[("arm", "in", ["treatment", "control"])],
            )["subscription_id"].to_pylist()
            for days, plan in plans.items()
        }
        for days, plan in plans.items():
            assert plan.sizing is not None
            mean = sum(stays[line, days] for line in drawn[days]) / len(drawn[days])
            assert plan.sizing.expected_stay == pytest.approx(mean)
            of_all = expected[str(days)]
            low = 1 - (1 - mean) * of_all.high / of_all.value
            assert plan.sizing.expected_stay_low == pytest.approx(max(0.0, low))
            assert (plan.sizing.outcome_days, plan.sizing.horizon_days) == (days, days)
            assumes = care.catalogue.actions["courtesy_call"].assumed_effect.value
            assert plan.sizing.assumed == (assumes if days == 90 else None)
        keep_scores(home, lambda rows: rows.filter(pc.not_equal(rows["horizon_days"], 30)))
        nearest = plan_campaign(care, "calls", FEATURES, noon)
        assert nearest.sizing is not None
        mean = sum(stays[line, 60] for line in drawn[30]) / len(drawn[30])
        assert nearest.sizing.expected_stay == pytest.approx(mean)
        assert nearest.sizing.horizon_days == 60
        assert "does not predict 30 days" in nearest.page.read_text(encoding="utf-8")


def test_the_command_tells_of_which_days_predictions_and_the_assumed_effect_are() -> None:
    sized = Sizing(
        expected_stay=0.9,
        expected_stay_low=None,
        expected_stay_high=None,
        level=None,
        half_width=0.02,
        assumed=0.01,
        needed=5_000,
        outcome_days=90,
        horizon_days=90,
    )
    half = "With this control the 95 % interval will reach 2.0 points to either side"
    first, too_few = told_sizing(sized)
    assert first == f"{half}; the assumed effect is +1.0 points."
    assert too_few.startswith("That is too few households to see it: about 5,000 are needed.")
    assert told_sizing(replace(sized, assumed=None, needed=None, outcome_days=30)) == [
        f"{half}; effects are assumed on staying for 90 days, not for 30.",
        "The model does not predict 30 days: this rests on its predictions of 90 days.",
    ]
