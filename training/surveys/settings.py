"""Settings of dissatisfaction models."""

from pydantic import Field

from holdfast.settings import Section


class SurveySettings(Section):
    """Which survey answers count, how they are weighted, and how wide the sensitivity band is."""

    prefix = "HOLDFAST_SURVEY_"

    answer_days: int = Field(
        default=14,
        ge=1,
        le=90,
        description="Days after the last possible invitation in which answers and corrections must have arrived to count.",
    )
    response_folds: int = Field(
        default=5,
        ge=2,
        le=20,
        description="Folds of customers in which the probability of answering is cross-fitted.",
    )
    response_rounds: int = Field(
        default=300,
        ge=10,
        le=10_000,
        description="Most boosting rounds of the response model.",
    )
    fewest_answers: int = Field(
        default=200,
        ge=20,
        description="Answers, and invitations without one, that the response model needs; with fewer, all have one rate.",
    )
    weight_quantile: float = Field(
        default=0.99,
        gt=0.5,
        le=1,
        description="Response weights are clipped to this quantile of the answers' weights.",
    )
    weight_most: float = Field(
        default=30.0, ge=1, description="Response weights are never larger than this."
    )
    odds_ratio: float = Field(
        default=3.0,
        ge=1,
        description=(
            "Largest plausible effect of satisfaction itself on the odds of answering, as an odds ratio either way: "
            "the ends of the sensitivity band."
        ),
    )
