"""How long a home keeps what has an age."""

from typing import Annotated, Literal

from pydantic import Field

from holdfast.settings import Section

Days = Annotated[int, Field(ge=1)] | Literal["unlimited"]


class RetentionSettings(Section):
    """How long a home keeps what has an age."""

    prefix = "HOLDFAST_RETENTION_"

    raw_days: Days = Field(
        default="unlimited",
        description=(
            "Days that raw rows of events are kept after they happened, or `unlimited`; they go a"
            " week at a time. At least as many as features and labels need."
        ),
    )
    snapshots_days: Days = Field(
        default="unlimited",
        description=(
            "Days that snapshots of past Mondays are kept, or `unlimited`: how far back training"
            " reaches. At least as many as training needs."
        ),
    )
    scores_days: Days = Field(
        default=400,
        description=(
            "Days that a night's scores are kept, at least 1, or `unlimited`; the newest are always."
        ),
    )
    quarantine_days: Days = Field(
        default=30,
        description="Days that quarantined rows are kept after they were written, or `unlimited`.",
    )
    exports_days: Days = Field(
        default=30,
        description="Days that exports of single people are kept in the home, or `unlimited`.",
    )
    test_predictions_days: Days = Field(
        default=730,
        description=(
            "Days that test predictions of model versions are kept, or `unlimited`;"
            " of versions that have an alias they always are."
        ),
    )
