"""Churn: a subscription lost by the customer's own choice, within 30, 60 and 90 days; and its
rival, loss by non-payment.
"""

from models.target import Target
from models.version import Strata

HORIZONS_DAYS = (30, 60, 90)

LINES = Strata("billing_type_code", ("postpaid", "prepaid", "fixed"))
"""Contracts, recharges and households' fixed lines are lost for different reasons and at different
rates.
"""

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
    # Bad service makes nobody insolvent: the directions that are argued for churn say nothing here.
    direction="none",
    strata=LINES,
)
