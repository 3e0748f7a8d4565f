"""Settings of uplift."""

from pydantic import Field

from holdfast.settings import Section


class UpliftSettings(Section):
    """How experiments are evaluated."""

    prefix = "HOLDFAST_UPLIFT_"

    seed: int = Field(
        default=20260101,
        ge=0,
        lt=2**31,
        description="Seed of every random choice in evaluating an experiment.",
    )
    folds: int = Field(
        default=8,
        ge=3,
        le=20,
        description="Parts of an experiment; each is evaluated with models of those before it.",
    )
    repeats: int = Field(
        default=2,
        ge=1,
        le=20,
        description="Random orders of the parts that figures are averaged over.",
    )
    capacity_share: float = Field(
        default=0.20,
        gt=0,
        lt=1,
        description="Share of customers that care can reach, for which policies are compared.",
    )
    expected_clusters: int = Field(
        default=10_000,
        ge=100,
        description="Customers or households at which the intervals of an experiment that is looked at any time are narrowest.",
    )
    groups: int = Field(
        default=5,
        ge=2,
        le=20,
        description="Groups by predicted uplift whose effects are estimated separately.",
    )
