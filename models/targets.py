"""All targets of the operator's own features, by name, as `holdfast train` takes them."""

from models.churn import CHURN, NON_PAYMENT
from models.dissatisfaction import TARGETS as SURVEY_TARGETS
from models.target import Target

TARGETS: dict[str, Target] = {CHURN.name: CHURN, NON_PAYMENT.name: NON_PAYMENT, **SURVEY_TARGETS}
"""By name."""
