"""The targets churn, within 30, 60 and 90 days, and non-payment, within 90 days."""

from models.strata import Strata
from models.target import Target

HORIZONS_DAYS = (30, 60, 90)

LINES = Strata("billing_type_code", ("postpaid", "prepaid", "fixed"))
"""Postpaid, prepaid and fixed lines are lost for different reasons and at different rates."""

CHURN = Target(
    name="churn",
    about="the customer gives the subscription up by their own choice",
    entity="subscription",
    service="churn_v1",
    horizons_days=HORIZONS_DAYS,
    direction="churn",
    strata=LINES,
)

NON_PAYMENT = Target(
    name="non_payment",
    about="the subscription is ended because it is not paid for",
    entity="subscription",
    service="churn_v1",
    horizons_days=(90,),
    # Directions are stated for churn; bad service does not make customers insolvent.
    direction="none",
    strata=LINES,
)

TABLE_CHURN = "churn_table"
"""Registered model of a team's own table, which `quickstart` makes."""
