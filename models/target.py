"""Targets: what can be predicted, of whom, within how many days, and from which features."""

from dataclasses import dataclass
from typing import Literal

from models.version import Strata


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that models predict.

    Parameters
    ----------
    name : str
        Its name, and the registered model's.
    about : str
        What a probability is the probability of.
    entity : {"subscription", "customer", "contact"}
        Of whom.
    service : str
        Feature service.
    horizons_days : tuple of int
        Horizons, shortest first, each with a model of its own.
    direction : {"churn", "dissatisfaction", "none"}
        Which of a feature's directions constrains the boosters; with ``none`` nothing does.
    strata : Strata or None
        Kinds of rows that have their own calibration, figures and, where that wins, boosters.
    """

    name: str
    about: str
    entity: Literal["subscription", "customer", "contact"]
    service: str
    horizons_days: tuple[int, ...]
    direction: Literal["churn", "dissatisfaction", "none"]
    strata: Strata | None = None
