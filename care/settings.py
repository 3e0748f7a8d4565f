"""Settings of care: the place whose rules hold, how much contact is enough, who is held out."""

from pydantic import Field, SecretStr

from holdfast.home import Home
from holdfast.settings import Section

LEDGER = "ledger.db"
"""File of the ledger in a home's care folder, unless another database is named."""


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
        description=(
            "Offers to a household within the days that count, by whomever; what was withheld at"
            " random counts too."
        ),
    )
    contacts_per_household: int = Field(
        default=3,
        ge=0,
        description=(
            "Offers and service care to a household within the days that count; what was withheld at"
            " random counts too."
        ),
    )
    contact_days: int = Field(
        default=30, ge=1, le=365, description="Days that contacts of a household count."
    )

    def ledger_url(self, home: Home) -> str:
        """SQLAlchemy URL of a home's ledger."""
        return self.ledger or f"sqlite:///{home.care / LEDGER}"

    def has_ledger(self, home: Home) -> bool:
        """Whether there is one already, or one was named: nothing is made by asking."""
        return bool(self.ledger) or (home.care / LEDGER).exists()


class ApproverSettings(Section):
    """Who approves plans on the command line."""

    prefix = "HOLDFAST_CARE_"

    approver_key: SecretStr | None = Field(
        default=None,
        description=(
            "API key of the person who approves with `holdfast care approve`; its scope is"
            " care:approve. Default: it is asked for."
        ),
    )
