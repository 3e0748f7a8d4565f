"""What a request asks, and what its answers are kept by."""

from serving.answers.question import Question
from serving.contract.predictions import check_request


def about(**named: object) -> tuple[object, ...]:
    return Question.of(check_request({"customer_ids": ["a"], **named}, max_items=7)).about


def test_what_is_named_again_is_the_same_question() -> None:
    assert about(horizons_days=[30] * 50 + [60, 30]) == about(horizons_days=[60, 30])
    assert about(models=["churn"] * 50) == about(models=["churn"])
    assert about(horizons_days=[30]) != about(horizons_days=[60])


def test_answers_follow_the_order_of_models() -> None:
    assert about(models=["churn", "csat_low"]) != about(models=["csat_low", "churn"])
