"""Dataset: labelled rows of several cut-offs, with all that fitting and judging must know of them."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts import VOLUNTARY_CHURN
from features.fields import SERVICES, VIEWS
from features.operator_repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.logging import progress
from holdfast.settings import Home
from training.care_marks import care_marks
from training.known import RawHistory, utc
from training.labels import HORIZON_DAYS, Fates
from training.population import SLICES, lines_at_risk
from training.settings import LabelSettings
from training.split import Floats, Positions

Texts = NDArray[np.str_]
Times = NDArray[np.datetime64]

STREAMED_BYTES = 1 << 30
"""Feature matrices larger than this are filled cut-off by cut-off into a file instead of memory."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled rows, one a subscription (or customer, or contact) and cut-off, ordered by cut-off, then id.

    Parameters
    ----------
    target : str
        What is predicted, such as ``churn``.
    service : str
        Feature service that the columns come from, in its order.
    features : tuple of str
        Names of the k columns.
    ids : (n,) str
        Entities.
    customers : (n,) str
        Whose they are: splits and resampling never part a customer.
    cutoffs : (n,) datetime64[us]
        As of when, UTC.
    label_ends : (n,) datetime64[us]
        When the longest horizon's label was known.
    matrix : (n, k) float64
        Features as known at the cut-off, NaN for missing. May be a memory map.
    labels : dict of int to (n,) float64
        By horizon in days: 1 where the outcome came within it, else 0; NaN where that is not known.
    weight : (n,) float64
        Positive; 1 where nothing asks for another.
    slices : dict of str to (n,) str
        Values to judge by, by column: billing_type, segment, region, tenure, language, age_band; ``unknown`` where null.
    holdout : (n,) bool
        The household is never sent an offer.
    excluded : dict of str to int
        Rows left out, by reason.
    facts : dict of str to JSON
        What else is worth knowing of how it was made: settings, cut-offs, competing outcomes, weights.
    """

    target: str
    service: str
    features: tuple[str, ...]
    ids: Texts
    customers: Texts
    cutoffs: Times
    label_ends: Times
    matrix: Floats
    labels: dict[int, Floats]
    weight: Floats
    slices: dict[str, Texts]
    holdout: NDArray[np.bool_]
    excluded: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)

    def rows(self, positions: Positions) -> "Dataset":
        """The same with only these rows, in this order."""
        changed: dict[str, Any] = {}
        for found in fields(self):
            value = getattr(self, found.name)
            if isinstance(value, np.ndarray):
                changed[found.name] = value[positions]
            elif found.name in ("labels", "slices"):
                changed[found.name] = {name: values[positions] for name, values in value.items()}
        return replace(self, **changed)


def churn_dataset(
    home: Home,
    settings: LabelSettings | None = None,
    *,
    service: str = "churn_v1",
    cutoffs: Sequence[datetime] | None = None,
    until: datetime | None = None,
) -> Dataset:
    """Lines at risk and whether they were lost by their owner's choice, at several cut-offs.

    Parameters
    ----------
    home : Home
        Where raw tables and features lie.
    settings : LabelSettings, optional
        Who is at risk and what counts as lost; default: the ones in force.
    service : str
        Feature service of lines.
    cutoffs : sequence of datetime, optional
        Mondays that history is kept of; default: as the settings say, counted back from the newest whose labels are complete.
    until : datetime, optional
        Look no further than this, as if it were now.

    Raises
    ------
    InputError
        A table is absent, a cut-off has no history or no complete label, or nobody is left.
    """
    return _line_dataset(home, "churn", VOLUNTARY_CHURN, None, settings, service, cutoffs, until)


def non_payment_dataset(
    home: Home,
    settings: LabelSettings | None = None,
    *,
    service: str = "churn_v1",
    cutoffs: Sequence[datetime] | None = None,
    until: datetime | None = None,
) -> Dataset:
    """Postpaid and fixed lines at risk, and whether they were lost because they were not paid for; see `churn_dataset`."""
    return _line_dataset(home, "non_payment", ("non_payment",), ("postpaid", "fixed"), settings, service, cutoffs, until)


def features_for(repository: OperatorRepository, service: str, ids: Sequence[str], cutoffs: Times) -> Floats:
    """Features of entities as known at their cut-offs, asked of Feast cut-off by cut-off.

    Parameters
    ----------
    repository : OperatorRepository
        Where they are kept.
    service : str
        Feature service.
    ids : (n,) sequence of str
        Entities.
    cutoffs : (n,) datetime64[us]
        When to look, UTC.

    Returns
    -------
    (n, k) float64
        In the rows' order; a memory map of a nameless file where it takes more than `STREAMED_BYTES`.

    Raises
    ------
    InputError
        The disk has no room for it; and as `OperatorRepository.historical`.
    """
    names = np.asarray(ids, dtype=object)
    shape = (len(names), len(columns_of(service)))
    matrix = _room_for(shape, repository.directory)
    different = np.unique(cutoffs)
    with progress("Reading features at past cut-offs", len(different)) as advance:
        for cutoff in different:
            here = np.flatnonzero(cutoffs == cutoff)
            matrix[here] = repository.historical(service, names[here].tolist(), cutoffs[here])
            advance(1)
    return matrix


def columns_of(service: str) -> tuple[str, ...]:
    """Names of a feature service's columns, in order.

    Raises
    ------
    InputError
        There is no such service.
    """
    if service not in SERVICES:
        raise InputError("service", f"must be one of {', '.join(SERVICES)}", service)
    return tuple(name for view in SERVICES[service] for name in VIEWS[view].columns)


def _room_for(shape: tuple[int, int], directory: Path) -> Floats:
    wanted = shape[0] * shape[1] * np.dtype(np.float64).itemsize
    if wanted <= STREAMED_BYTES:
        return np.empty(shape)
    free = shutil.disk_usage(directory).free
    if wanted > free:
        raise InputError(str(directory), f"must have {wanted >> 20} MB free for the features of all cut-offs", f"{free >> 20} MB")
    with TemporaryFile(dir=directory) as file:
        return np.memmap(file, np.float64, "w+", shape=shape)


def _line_dataset(
    home: Home,
    target: str,
    positive: Collection[str],
    strata: Collection[str] | None,
    settings: LabelSettings | None,
    service: str,
    cutoffs: Sequence[datetime] | None,
    until: datetime | None,
) -> Dataset:
    settings = settings or LabelSettings.read()
    features = columns_of(service)
    repository = OperatorRepository(home)
    history = RawHistory(home.raw, until)
    with progress("Looking back on who was lost"):
        fates = Fates.of(history, settings)
    view = SERVICES[service][0]
    chosen = cutoffs_for(repository.history_mondays(view), fates, settings, HORIZON_DAYS[-1], cutoffs)
    excluded: dict[str, int] = {}
    parts = []
    with progress("Finding who was at risk", len(chosen)) as advance:
        for at in chosen:
            part, reasons = _rows_at(history, fates, at, settings, repository.ids_at(view, at), positive, strata)
            parts.append(part)
            _add(excluded, reasons)
            advance(1)
    rows = pl.concat(parts)
    marks = care_marks(history, rows)
    excluded["care"] = int(marks.touched.sum())
    kept = np.flatnonzero(~marks.touched)
    if len(kept) == 0:
        raise InputError("raw tables", "must have somebody at risk at some cut-off; everybody is left out", excluded)
    rows, weight = rows[kept], marks.weight[kept]
    ids, times = rows["subscription_id"].to_numpy().astype(np.str_), _naive(rows["cutoff"])
    return Dataset(
        target=target,
        service=service,
        features=features,
        ids=ids,
        customers=rows["customer_id"].to_numpy().astype(np.str_),
        cutoffs=times,
        label_ends=_naive(rows["label_end"]),
        matrix=features_for(repository, service, ids.tolist(), times),
        labels={days: rows[f"label_{days}"].to_numpy().astype(np.float64) for days in HORIZON_DAYS},
        weight=weight,
        slices={name: rows[name].to_numpy().astype(np.str_) for name in SLICES},
        holdout=marks.holdout[kept],
        excluded=excluded,
        facts={
            "settings": settings.model_dump(),
            "cutoffs": [f"{at:%Y-%m-%d}" for at in chosen],
            "data_end": history.end.isoformat(),
            "care": marks.counts,
            "first_outcomes": dict(_within_horizon(rows)["how"].value_counts(sort=True).iter_rows()),
        },
    )


def cutoffs_for(
    mondays: Times, fates: Fates, settings: LabelSettings, horizon_days: int, asked: Sequence[datetime] | None = None
) -> list[datetime]:
    """Cut-offs to take rows at, oldest first.

    Counted back from the newest Monday at which every label is complete, prepaid ones too; more follow in the same step up to the
    newest at which only those of the other lines are.

    Raises
    ------
    InputError
        No Monday's labels are complete, or one that was asked for has no history or no complete label.
    """
    known = [utc(monday) for monday in np.sort(mondays)]
    span = timedelta(days=settings.gap_days + horizon_days)
    late = timedelta(days=settings.inactivity_days)
    if asked is not None:
        for at in asked:
            if at not in known:
                between = f", {known[0]:%Y-%m-%d} to {known[-1]:%Y-%m-%d}" if known else "; there are none yet"
                raise InputError("cutoffs", f"must be Mondays that history is kept of{between}", f"{at:%Y-%m-%d}")
            if at + span > fates.end:
                raise InputError(
                    "cutoffs", f"must not lie after {fates.end - span:%Y-%m-%d}, for labels to be complete", f"{at:%Y-%m-%d}"
                )
        return sorted(asked)
    usable = [monday for monday in known if monday + span <= fates.end]
    if not usable:
        needed = settings.gap_days + horizon_days + settings.settle_days
        has = (fates.end - known[0]).days + settings.settle_days if known else 0
        raise InputError(
            "raw tables", f"must reach {needed} days beyond the first Monday that features are kept of", f"{has} days"
        )
    complete = [monday for monday in usable if monday + span + late <= fates.prepaid_end]
    anchor = (complete or usable)[-1]
    step = timedelta(weeks=settings.cutoff_every_weeks)
    return [monday for monday in usable if (monday - anchor) % step == timedelta(0)]


def _rows_at(
    history: RawHistory,
    fates: Fates,
    at: datetime,
    settings: LabelSettings,
    present: Sequence[str],
    positive: Collection[str],
    strata: Collection[str] | None,
) -> tuple[pl.DataFrame, dict[str, int]]:
    population = lines_at_risk(history, fates, at, settings, present)
    excluded = dict(population.excluded)
    lines = population.rows
    if strata is not None:
        excluded["other_billing_type"] = lines.filter(~pl.col("billing_type").is_in(list(strata))).height
        lines = lines.filter(pl.col("billing_type").is_in(list(strata)))
    end = at + timedelta(days=settings.gap_days + HORIZON_DAYS[-1])
    late = pl.col("subscription_id").is_in(fates.late["subscription_id"].implode())
    label_end = pl.when(late).then(end + timedelta(days=settings.inactivity_days)).otherwise(end)
    rows = lines.with_columns(cutoff=pl.lit(at, pl.Datetime("us", "UTC")), horizon_end=end, label_end=label_end)
    labels = fates.label(rows, at, settings.gap_days, positive).drop("subscription_id")
    rows = pl.concat([rows, labels], how="horizontal")
    incomplete = (pl.col("billing_type") == "prepaid") & (pl.col("label_end") > fates.prepaid_end)
    unknown = pl.all_horizontal(pl.col(f"label_{days}").is_null() for days in HORIZON_DAYS)
    excluded |= {"in_gap": 0, "incomplete": 0, "censored": 0}
    for reason, holds in (("incomplete", incomplete), ("in_gap", pl.col("in_gap")), ("censored", unknown)):
        excluded[reason] = rows.filter(holds).height
        rows = rows.filter(~holds)
    return rows, excluded


def _within_horizon(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(
        pl.col("how").is_not_null()
        & (pl.col(f"label_{HORIZON_DAYS[-1]}").is_null() | (pl.col("lost_at") <= pl.col("horizon_end")))
    )


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for reason, rows in more.items():
        total[reason] = total.get(reason, 0) + rows


def _naive(column: pl.Series) -> Times:
    return column.dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
