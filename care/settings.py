"""Settings of care: the place whose rules hold, how much contact is enough, who is held out."""

from pydantic import Field

from holdfast.settings import Section


class CareSettings(Section):
    """How care is planned and sent."""

    prefix = "HOLDFAST_CARE_"

    jurisdiction: str = Field(
        default="strict",
        description="Whose rules hold: strict, EU, UK, US or CN. The strictest is the default.",
    )
    ledger: str = Field(
        default="",
        description=(
            "SQLAlchemy URL of the ledger, PostgreSQL or SQLite. Default: care/ledger.db in the home."
        ),
    )
    holdout_share: float = Field(
        default=0.03,
        ge=0,
        le=0.2,
        description="Share of households that are sent no offer at all, drawn anew each year.",
    )
    offers_per_household: int = Field(
        default=1,
        ge=0,
        description="Offers to a household within the days that count, by whomever.",
    )
    contacts_per_household: int = Field(
        default=3,
        ge=0,
        description="Offers and service care to a household within the days that count.",
    )
    contact_days: int = Field(
        default=30, ge=1, le=365, description="Days that contacts of a household count."
    )
