"""One flat table of one cut-off: features of subscriptions, and whether they were lost afterwards.

It lets `quickstart` use an operator's raw tables, and shows in the simplest way how well a simulated
operator can be predicted. Who is at risk and what counts as lost are those of the operator's own
dataset, by the same settings.
"""

from datetime import datetime

import numpy as np
import polars as pl
import pyarrow as pa

from features.contracts.vocabulary import HORIZON_DAYS, VOLUNTARY_CHURN
from features.fields import SERVICES
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from training.labelling.cutoffs import LabelEnd, cutoffs_for, newest_complete
from training.labelling.dataset import columns_of
from training.labelling.history import RawHistory
from training.labelling.inactivity import usage_end
from training.labelling.labels import LineOutcomes
from training.labelling.lines import labelled_lines
from training.labelling.maturity import LabelMaturity
from training.settings import LabelSettings

SERVICE = "churn_v1"
ID, LABEL = "subscription_id", "left"

_VIEW = SERVICES[SERVICE][0]


def newest_cutoff(
    repository: OperatorRepository, history: RawHistory, settings: LabelSettings
) -> datetime | None:
    """The newest Monday with stored features at which the labels of all lines are complete.

    Parameters
    ----------
    repository : OperatorRepository
        Stores the features.
    history : RawHistory
        The raw tables.
    settings : LabelSettings
        Gap, days of inactivity, and days that late rows are waited for.

    Returns
    -------
    datetime or None
        UTC; None where there is none.
    """
    ends = LabelEnd.of(history, usage_end(history), LabelMaturity.of(history, settings))
    return newest_complete(repository.history_mondays(_VIEW), ends, settings, HORIZON_DAYS[-1])


def flat_table(
    repository: OperatorRepository,
    history: RawHistory,
    cutoff: datetime,
    settings: LabelSettings,
    horizon_days: int = HORIZON_DAYS[-1],
) -> pa.Table:
    """Features of the lines at risk at a cut-off, labelled by voluntary churn afterwards.

    Rows and labels are those of `training.labelling.dataset.churn_dataset` at this cut-off, with
    one difference: lines that care has touched stay, because a flat table has no weights that the
    others could stand for them with.

    Parameters
    ----------
    repository : OperatorRepository
        Stores the features of the cut-off.
    history : RawHistory
        The raw tables.
    cutoff : datetime
        A Monday with stored features, with a time zone.
    settings : LabelSettings
        Who is at risk and what counts as lost.
    horizon_days : int
        Horizon of the label, in days after the gap: one of `HORIZON_DAYS`.

    Returns
    -------
    Table
        `ID`, the columns of `SERVICE`, and `LABEL` (``yes``, ``no``, or null where the outcome
        within the horizon is not known), by id.

    Raises
    ------
    InputError
        There are no such labels, the cut-off has no stored features or no complete labels, or no
        line was at risk.
    """
    if horizon_days not in HORIZON_DAYS:
        raise InputError(
            "horizon_days", f"must be one of {', '.join(map(str, HORIZON_DAYS))}", horizon_days
        )
    ends = LabelEnd.of(history, usage_end(history), LabelMaturity.of(history, settings))
    (at,) = cutoffs_for(
        repository.history_mondays(_VIEW), ends, settings, HORIZON_DAYS[-1:], [cutoff]
    )
    present = pl.Series("subscription_id", repository.ids_at(_VIEW, at))
    outcomes = LineOutcomes.of(history, settings, present)
    rows, excluded = labelled_lines(history, outcomes, ends, at, settings, present, VOLUNTARY_CHURN)
    rows = rows.filter(pl.col(f"label_end_{horizon_days}").is_not_null())
    if rows.is_empty():
        raise InputError("cutoff", f"must have a line at risk; {excluded}", cutoff.isoformat())
    ids = rows["subscription_id"].to_list()
    times = np.full(len(ids), np.datetime64(at.replace(tzinfo=None), "us"))
    matrix = repository.historical(SERVICE, ids, times)
    columns = {
        name: pa.array(matrix[:, position], from_pandas=True)
        for position, name in enumerate(columns_of(SERVICE, repository.catalogue))
    }
    words = {1.0: "yes", 0.0: "no", None: None}
    label = [words[value] for value in rows[f"label_{horizon_days}"].to_list()]
    return pa.table({ID: pa.array(ids, pa.string()), **columns, LABEL: pa.array(label)})
