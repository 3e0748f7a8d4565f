"""The level of an operator's model: shifts from labelled rows, and the first revision, which is
stored with the version.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from holdfast.arrays import Floats, Positions
from models.level.revision import LevelRevision, Shift
from models.strata import EVERYONE
from models.target import Target
from training.fitting.horizon_models import OutOfFold, customer_codes
from training.labelling.dataset import Dataset
from training.labelling.history import utc
from training.level.revise import revised
from training.level.shifts import shifts_of


def first_revision(
    dataset: Dataset, target: Target, out_of_fold: Mapping[int, OutOfFold], at: datetime
) -> LevelRevision | None:
    """The level that rows of past cut-offs tell, at a date; None for what is not predicted of lines,
    whose rows do not lie at common cut-offs.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    target : Target
        What is predicted.
    out_of_fold : mapping of int to OutOfFold
        By horizon in days: probabilities from boosters that did not learn from the row.
    at : datetime
        The date, with a time zone.
    """
    if target.entity != "subscription":
        return None
    shifts = {
        days: dataset_shifts(dataset, target, days, one.rows, one.probability, one.weight)
        for days, one in out_of_fold.items()
    }
    lag_days = {days: _lag_days(dataset, days) for days in shifts}
    last = {
        days: utc(dataset.cutoffs[one.rows].max()).isoformat() for days, one in out_of_fold.items()
    }
    return revised(shifts, lag_days, last, at)


def dataset_shifts(
    dataset: Dataset,
    target: Target,
    horizon_days: int,
    rows: Positions,
    probability: Floats,
    weight: Floats,
) -> tuple[Shift, ...]:
    """Shifts by cut-off and line, of rows with a known label.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    target : Target
        Its strata are the lines.
    horizon_days : int
        One of its horizons.
    rows : (m,) intp
        Positions in the dataset.
    probability : (m,) float64
        Calibrated, of boosters that did not learn from the row.
    weight : (m,) float64
        How much each counts.
    """
    strata = target.strata
    lines = (
        np.full(len(rows), EVERYONE)
        if strata is None
        else strata.of(dataset.matrix[rows, dataset.features.index(strata.feature)])
    )
    return shifts_of(
        dataset.cutoffs[rows],
        lines,
        probability,
        dataset.labels[horizon_days][rows],
        weight,
        customer_codes(dataset)[rows],
    )


def _lag_days(dataset: Dataset, horizon_days: int) -> int:
    """Days from a cut-off until the labels of all lines are complete, prepaid ones included."""
    waits, settings = dataset.facts["maturity"], dataset.facts["settings"]
    settled = max(waits["losses"]["days"], settings["inactivity_days"] + waits["use"]["days"])
    return int(dataset.facts["gap_days"] + horizon_days + settled)
