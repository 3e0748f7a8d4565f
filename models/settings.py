"""Settings of models: risk bands, customer value, scoring, and what counts as a change."""

from pydantic import Field, model_validator

from holdfast.settings import Section


class BandSettings(Section):
    """Sizes of the risk bands. The bounds in probability are fixed with each model version."""

    prefix = "HOLDFAST_BAND_"

    high_share: float = Field(
        default=0.10, gt=0, lt=1, description="Share of customers, riskiest first, in band high."
    )
    medium_share: float = Field(
        default=0.20, gt=0, lt=1, description="Share of customers, next after high, in band medium."
    )

    @model_validator(mode="after")
    def _check_shares(self) -> "BandSettings":
        if self.high_share + self.medium_share >= 1:
            raise ValueError("high_share and medium_share together must stay below 1")
        return self


class ValueSettings(Section):
    """Assumptions behind a subscription's value over a horizon."""

    prefix = "HOLDFAST_VALUE_"

    discount_a_year: float = Field(
        default=0.08, ge=0, lt=1, description="Discount rate per year of future margins."
    )
    cost_to_serve_share: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the margin that serving the customer costs, beyond what margins account for.",
    )


class ScoreSettings(Section):
    """How everybody is scored."""

    prefix = "HOLDFAST_SCORE_"

    explained_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of the scored, riskiest first, that get reasons, of every horizon.",
    )
    reasons: int = Field(
        default=5, ge=1, le=20, description="Reasons that are kept of each, at most."
    )
    traffic_consent: bool = Field(
        default=False,
        description=(
            "Whether traffic and location data may be used in marketing only with the customer's consent of the purpose"
            " `traffic_marketing`."
        ),
    )


class FeedSettings(Section):
    """Which scores are reported as changed."""

    prefix = "HOLDFAST_FEED_"

    step: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description=(
            "Change of a probability since its last report from which it is reported again, also within the same band."
        ),
    )
