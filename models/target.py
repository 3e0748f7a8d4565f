"""Targets: what models predict, for which entity, within how many days, from which features."""

from dataclasses import dataclass
from typing import Literal

from models.strata import Strata


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that models predict.

    Parameters
    ----------
    name : str
        Its name, and the registered model's.
    about : str
        The event that a probability is given for.
    entity : {"subscription", "customer", "contact"}
        What is scored.
    service : str
        Feature service.
    horizons_days : tuple of int
        Horizons, shortest first, each with a model of its own.
    direction : {"churn", "dissatisfaction", "none"}
        Which of a feature's directions constrains the boosters; ``none`` for no constraint.
    strata : Strata or None
        Kinds of rows that have their own calibration, figures and, where that is better, boosters.
    """

    name: str
    about: str
    entity: Literal["subscription", "customer", "contact"]
    service: str
    horizons_days: tuple[int, ...]
    direction: Literal["churn", "dissatisfaction", "none"]
    strata: Strata | None = None
