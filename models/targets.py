"""All targets of the operator's own features, by name, as `holdfast train` takes them."""

from models.churn import CHURN, NON_PAYMENT, TABLE_CHURN
from models.dissatisfaction import TARGETS as SURVEY_TARGETS
from models.target import Target

TARGETS: dict[str, Target] = {CHURN.name: CHURN, NON_PAYMENT.name: NON_PAYMENT, **SURVEY_TARGETS}
"""By name."""

SERVED: tuple[str, ...] = (*TARGETS, TABLE_CHURN)
"""Registered models that the service answers with, in the order of its answers: of the operator's
features, and of a team's own table.
"""
