"""What counts as a change, case by case."""

from pathlib import Path

import pytest

from models.feed.facts import CHANGES, KEPT_DAYS
from models.feed.reading import FeedReader
from models.score_set import NO_BASIS, PROFILING_OBJECTION, SHADOW
from tests.builders.score_sets import FeedNights, Scored


@pytest.fixture
def nights(tmp_path: Path) -> FeedNights:
    return FeedNights(tmp_path)


def changes(nights: FeedNights, **scored: float | Scored) -> dict[str, int]:
    """What one more night changes of the customers of `csat_low`."""
    of_model = {
        entity: one if isinstance(one, Scored) else Scored(one) for entity, one in scored.items()
    }
    return nights.add({"csat_low": of_model}).changes.get("csat_low", {})


def test_the_first_night_reports_everybody_and_the_same_scores_nobody(nights: FeedNights) -> None:
    facts = nights.add({"churn": {"S1": Scored(0.1)}, "csat_low": {"C1": Scored(0.5)}})
    assert facts.changes == {"churn": {"scored": 2}, "csat_low": {"scored": 1}}
    again = nights.add({"churn": {"S1": Scored(0.1)}, "csat_low": {"C1": Scored(0.5)}})
    assert again.changes == {}
    assert (again.feed, again.number, again.last_report) == (facts.feed, 2, facts.last_report)


def test_another_band_or_a_step_is_a_change_and_less_is_none(nights: FeedNights) -> None:
    changes(nights, a=0.29, b=0.40, c=0.40)
    assert changes(nights, a=0.31, b=0.46, c=0.44) == {"band": 1, "step": 1}


def test_small_moves_are_reported_once_they_add_up_to_a_step(nights: FeedNights) -> None:
    changes(nights, a=0.40)
    told = [changes(nights, a=0.40 + 0.011 * night) for night in range(1, 9)]
    assert told == [{}, {}, {}, {}, {"step": 1}, {}, {}, {}]


def test_who_read_in_between_is_never_a_step_off(nights: FeedNights) -> None:
    changes(nights, a=0.40)
    # Whoever began on the second night has 0.37, and would be further off than a step.
    assert changes(nights, a=0.37) == {}
    assert changes(nights, a=0.43) == {"step": 1}


def test_a_new_version_reports_only_whom_it_scores_otherwise(nights: FeedNights) -> None:
    nights.add({"csat_low": {"a": Scored(0.40), "b": Scored(0.40)}})
    facts = nights.add({"csat_low": {"a": Scored(0.41), "b": Scored(0.50)}}, version="2")
    assert facts.changes == {"csat_low": {"step": 1}}
    assert facts.models["csat_low"].version == "2"


@pytest.mark.parametrize("mark", [PROFILING_OBJECTION, NO_BASIS])
def test_a_mark_that_bars_marketing_is_a_change_and_shadow_is_none(
    nights: FeedNights, mark: str
) -> None:
    changes(nights, a=0.4)
    assert changes(nights, a=Scored(0.4, marks=(SHADOW,))) == {}
    assert changes(nights, a=Scored(0.4, marks=(SHADOW, mark))) == {"marks": 1}
    assert changes(nights, a=Scored(0.4, marks=(mark,))) == {}
    assert changes(nights, a=0.4) == {"marks": 1}


def test_another_customer_of_a_line_is_a_change(nights: FeedNights) -> None:
    nights.add({"churn": {"S1": Scored(0.4, "C1")}})
    facts = nights.add({"churn": {"S1": Scored(0.4, "C2")}})
    assert facts.changes == {"churn": {"customer": 2}}


def test_who_is_not_scored_any_more_is_excluded_once_and_may_come_back(nights: FeedNights) -> None:
    changes(nights, a=0.4, b=0.4)
    assert changes(nights, b=0.4) == {"excluded": 1}
    assert changes(nights, b=0.4) == {}
    assert changes(nights, a=0.4, b=0.4) == {"scored": 1}


def test_scores_by_a_model_that_has_ended_are_excluded_and_others_stay(nights: FeedNights) -> None:
    nights.add({"churn": {"S1": Scored(0.4)}, "csat_low": {"C1": Scored(0.4)}})
    facts = nights.add({"csat_low": {"C1": Scored(0.4)}})
    assert facts.changes == {"churn": {"excluded": 2}}
    assert set(facts.models) == {"csat_low"}


def test_who_was_excluded_is_forgotten_after_cursors_have_expired(nights: FeedNights) -> None:
    changes(nights, a=0.4, b=0.4)
    changes(nights, b=0.4)
    kept = nights.add({"csat_low": {"b": Scored(0.4)}}, days=KEPT_DAYS)
    assert [row["customer_id"] for row in rows(nights, kept.number)] == ["b", "a"]
    forgotten = nights.add({"csat_low": {"b": Scored(0.4)}})
    assert [row["customer_id"] for row in rows(nights, forgotten.number)] == ["b"]
    assert forgotten.last_report == kept.last_report


def test_a_kind_of_change_is_one_that_the_contract_names(nights: FeedNights) -> None:
    nights.add({"churn": {"S1": Scored(0.4)}})
    facts = nights.add({})
    assert {change for of in facts.changes.values() for change in of} <= set(CHANGES)


def rows(nights: FeedNights, number: int) -> list[dict[str, object]]:
    reader = FeedReader.open(nights.files, number)
    assert reader is not None
    return reader.page(0, 1_000, None, scored_only=False).rows
