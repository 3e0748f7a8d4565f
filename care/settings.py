"""Settings of care: the place whose rules hold."""

from pydantic import Field

from holdfast.settings import Section


class CareSettings(Section):
    """How care is planned and sent."""

    prefix = "HOLDFAST_CARE_"

    jurisdiction: str = Field(
        default="strict",
        description="Whose rules hold: strict, EU, UK, US or CN. The strictest is the default.",
    )
