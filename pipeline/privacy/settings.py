"""How long a home keeps what no night and no training needs any more."""

from typing import Annotated, Literal

from pydantic import Field

from holdfast.settings import Section

Days = Annotated[int, Field(ge=1)] | Literal["unlimited"]


class RetentionSettings(Section):
    """How long a home keeps what no night and no training needs any more."""

    prefix = "HOLDFAST_RETENTION_"

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
