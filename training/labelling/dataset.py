"""Datasets: labelled rows of several cut-offs, for fitting and evaluation."""

import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.vocabulary import HORIZON_DAYS, VOLUNTARY_CHURN
from features.fields import BUILT_IN, FeatureCatalogue
from features.operator.repository import OperatorRepository
from features.retained.kept_since import KeptSince
from holdfast.arrays import Floats, Positions, Texts, Times
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.logging import progress
from holdfast.zone import day_of
from training.labelling.care.exposure import care_exposure
from training.labelling.care.weights import RowsAtRisk, care_weights
from training.labelling.cutoffs import LabelEnd, complete_within, cutoffs_for, start_of_test
from training.labelling.history import RawHistory, utc
from training.labelling.inactivity import usage_end
from training.labelling.labels import LineOutcomes
from training.labelling.lines import label_ends, labelled_lines
from training.labelling.maturity import LabelMaturity
from training.labelling.population import SLICES, billing_types_of
from training.labelling.reach import labelled_mondays
from training.settings import LabelSettings

STREAMED_BYTES = 1 << 30
"""Feature matrices larger than this are filled, part by part, in a file instead of in memory."""

ROWS_AT_ONCE = 150_000
"""Rows whose features are read together: each read takes seconds, and memory for every row."""

WEIGHTS = (
    "rows in control represent those that randomised care treated; rows without care represent "
    "those with like features that care by rule reached"
)
"""The meaning of the weights of lines."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled rows, one per entity and cut-off, ordered by cut-off, then id.

    An entity is a subscription, a customer or a contact.

    Parameters
    ----------
    target : str
        Name of the target, such as ``churn``.
    service : str
        Feature service that the columns come from, in its order.
    features : tuple of str
        Names of the k columns.
    ids : (n,) str
        Entities.
    customers : (n,) str
        The entities' customers: splits and resampling keep a customer's rows together.
    cutoffs : (n,) datetime64[us]
        Cut-offs, UTC.
    label_ends : (n,) datetime64[us]
        Time at which the longest horizon's label is known, UTC.
    complete : (n,) bool
        It is by now. Rows where it is not are labelled within shorter horizons alone, and lie in no part
        of `training.labelling.periods.period_split` that is evaluated.
    matrix : (n, k) float64
        Features as known at the cut-off, NaN for missing. May be a memory map.
    labels : dict of int to (n,) float64
        By horizon in days: 1 where the outcome came within it, else 0; NaN where unknown, and
        where care touched the row within it.
    weight : (n,) float64
        Positive; 1 where no other weight applies. See `weight_of`.
    slices : dict of str to (n,) str
        Values by which figures are broken down, by column: billing_type, segment, region, tenure,
        language, age_band; ``unknown`` where null.
    holdout : (n,) bool
        The household is never sent an offer.
    excluded : dict of str to int
        Rows left out, by reason.
    facts : dict of str to JSON
        How it was made. Of lines: ``gap_days``, ``weights`` (their meaning), ``settings``,
        ``cutoffs`` (those with labels that are complete within all horizons), ``data_end``,
        ``maturity`` (see `LabelMaturity.document`), ``care`` (see
        `training.labelling.care.weights.CareWeights`), ``first_outcomes`` within the longest horizon,
        competing ones included, and ``unknown_labels`` by horizon.
    zone : tzinfo
        The operator's, in which cut-offs are midnights.
    care_weight : dict of int to (n,) float64
        By horizon in days: how many rows each represents that care touched within it, itself
        included; empty where there was no care.
    """

    target: str
    service: str
    features: tuple[str, ...]
    ids: Texts
    customers: Texts
    cutoffs: Times
    label_ends: Times
    complete: NDArray[np.bool_]
    matrix: Floats
    labels: dict[int, Floats]
    weight: Floats
    slices: dict[str, Texts]
    holdout: NDArray[np.bool_]
    excluded: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)
    zone: tzinfo = UTC
    care_weight: dict[int, Floats] = field(default_factory=dict)

    def weight_of(self, horizon_days: int | None) -> Floats:
        """How much each row counts within a horizon."""
        if horizon_days is None or horizon_days not in self.care_weight:
            return self.weight
        weight: Floats = self.weight * self.care_weight[horizon_days]
        return weight

    def days(self, positions: Positions) -> list[str]:
        """Days of the cut-offs of rows, such as 2026-01-05, each once."""
        cutoffs = np.unique(self.cutoffs[positions])
        return sorted({str(day_of(utc(at), self.zone)) for at in cutoffs})

    def rows(self, positions: Positions) -> "Dataset":
        """The same with only these rows, in this order."""
        changed: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, np.ndarray):
                changed[one.name] = value[positions]
            elif one.name in ("labels", "slices", "care_weight"):
                changed[one.name] = {name: values[positions] for name, values in value.items()}
        return replace(self, **changed)


def churn_dataset(
    home: Home,
    settings: LabelSettings,
    *,
    until: datetime,
    service: str = "churn_v1",
    cutoffs: Sequence[datetime] | None = None,
    test_from: datetime | None = None,
) -> Dataset:
    """Lines at risk at several cut-offs, and whether they were lost by the customer's choice.

    Parameters
    ----------
    home : Home
        Holds raw tables and features.
    settings : LabelSettings
        Who is at risk and what counts as lost.
    until : datetime
        Leave out rows that arrived later: usually the time now.
    service : str
        Feature service of lines.
    cutoffs : sequence of datetime, optional
        Mondays with stored features; default: by the settings, counted back from the newest whose
        labels are complete.
    test_from : datetime, optional
        Start of the test period, to refuse one outside the cut-offs before features are read.

    Raises
    ------
    InputError
        A table is absent, a cut-off has no stored features or no complete label, the test period
        lies outside the cut-offs, or no row is left.
    """
    return _line_dataset(
        home, "churn", VOLUNTARY_CHURN, settings, service, cutoffs, until, test_from
    )


def non_payment_dataset(
    home: Home,
    settings: LabelSettings,
    *,
    until: datetime,
    service: str = "churn_v1",
    cutoffs: Sequence[datetime] | None = None,
    test_from: datetime | None = None,
) -> Dataset:
    """Postpaid and fixed lines at risk, and whether they were lost by non-payment.

    Parameters and errors are those of `churn_dataset`.
    """
    return _line_dataset(
        home,
        "non_payment",
        ("non_payment",),
        settings,
        service,
        cutoffs,
        until,
        test_from,
    )


def features_for(
    repository: OperatorRepository, service: str, ids: Sequence[str], cutoffs: Times
) -> Floats:
    """Features of entities as known at their cut-offs, read from Feast in batches.

    Parameters
    ----------
    repository : OperatorRepository
        Stores the features.
    service : str
        Feature service.
    ids : (n,) sequence of str
        Entities.
    cutoffs : (n,) datetime64[us]
        Their cut-offs, UTC.

    Returns
    -------
    (n, k) float64
        In the rows' order; a memory map of an unnamed file where it takes more than
        `STREAMED_BYTES`.

    Raises
    ------
    InputError
        The disk has not enough space; and as `OperatorRepository.historical`.
    """
    names = np.asarray(ids, dtype=object)
    matrix = _empty_matrix(
        (len(names), len(columns_of(service, repository.catalogue))), repository.directory
    )
    order = np.argsort(cutoffs, kind="stable")
    with progress("Reading features at past cut-offs", len(order)) as advance:
        for start in range(0, len(order), ROWS_AT_ONCE):
            batch = order[start : start + ROWS_AT_ONCE]
            matrix[batch] = repository.historical(service, names[batch].tolist(), cutoffs[batch])
            advance(len(batch))
    return matrix


def columns_of(service: str, catalogue: FeatureCatalogue = BUILT_IN) -> tuple[str, ...]:
    """Names of a feature service's columns, in order.

    Parameters
    ----------
    service : str
        Feature service.
    catalogue : FeatureCatalogue
        What the home's features are.

    Raises
    ------
    InputError
        There is no such service.
    """
    if service not in catalogue.services:
        raise InputError("service", f"must be one of {', '.join(catalogue.services)}", service)
    return catalogue.columns(service)


def _empty_matrix(shape: tuple[int, int], directory: Path) -> Floats:
    size = shape[0] * shape[1] * np.dtype(np.float64).itemsize
    if size <= STREAMED_BYTES:
        return np.empty(shape)
    free = shutil.disk_usage(directory).free
    if size > free:
        raise InputError(
            str(directory),
            f"must have {size >> 20} MB free for the features of all cut-offs",
            f"{free >> 20} MB",
        )
    with TemporaryFile(dir=directory) as file:
        return np.memmap(file, np.float64, "w+", shape=shape)


def _line_dataset(
    home: Home,
    target: str,
    positive: Collection[str],
    settings: LabelSettings,
    service: str,
    cutoffs: Sequence[datetime] | None,
    until: datetime,
    test_from: datetime | None,
) -> Dataset:
    repository = OperatorRepository(home)
    features = columns_of(service, repository.catalogue)
    strata = billing_types_of(target)
    history = RawHistory(home.raw, until)
    view = repository.catalogue.services[service][0]
    with progress("Finding how late losses are told"):
        maturity = LabelMaturity.of(history, settings, positive)
        if cutoffs is None:
            maturity.warn()
    ends = LabelEnd.of(history, usage_end(history), maturity)
    rows_since = KeptSince.read(home.kept_since).raw
    chosen = cutoffs_for(
        labelled_mondays(repository.mondays_of(service), rows_since, settings.inactivity_days),
        ends,
        settings,
        HORIZON_DAYS,
        cutoffs,
        repository.zone,
    )
    complete = complete_within(HORIZON_DAYS[-1], chosen, ends, settings)
    if complete:
        start_of_test(_naive(pl.Series(complete)), settings, test_from, repository.zone)
    present = {at: pl.Series("subscription_id", repository.ids_at(view, at)) for at in chosen}
    with progress("Finding which lines were lost"):
        outcomes = LineOutcomes.of(history, settings, _union(present.values()))
    excluded: dict[str, int] = {}
    parts = []
    with progress("Finding which lines were at risk", len(chosen)) as advance:
        for at in chosen:
            part, reasons = labelled_lines(
                history, outcomes, ends, at, settings, present[at], positive, strata
            )
            parts.append(part)
            _add(excluded, reasons)
            advance(1)
    rows = pl.concat(parts)
    exposure = care_exposure(history, rows, label_ends())
    excluded["care"] = int(exposure.touched.sum())
    kept = np.flatnonzero(~exposure.touched)
    if len(kept) == 0:
        raise InputError(
            "raw tables",
            "must have a line at risk at some cut-off; all are left out",
            excluded,
        )
    everybody, rows = rows, rows[kept]
    ids, times = rows["subscription_id"].to_numpy().astype(np.str_), _naive(rows["cutoff"])
    matrix = features_for(repository, service, ids.tolist(), times)
    at_risk = RowsAtRisk.of(
        everybody,
        features,
        kept,
        matrix,
        lambda ids, cutoffs: features_for(repository, service, ids, cutoffs),
    )
    weights = care_weights(exposure, at_risk)
    labels = {
        days: np.where(
            one.touched[kept], np.nan, rows[f"label_{days}"].to_numpy().astype(np.float64)
        )
        for days, one in exposure.horizons.items()
    }
    return Dataset(
        target=target,
        service=service,
        features=features,
        ids=ids,
        customers=rows["customer_id"].to_numpy().astype(np.str_),
        cutoffs=times,
        label_ends=_naive(rows["label_end"]),
        complete=exposure.horizons[HORIZON_DAYS[-1]].complete[kept],
        matrix=matrix,
        labels=labels,
        weight=np.ones(len(kept)),
        care_weight=weights.weight,
        slices={name: rows[name].to_numpy().astype(np.str_) for name in SLICES},
        holdout=exposure.holdout[kept],
        zone=repository.zone,
        excluded=excluded,
        facts={
            "gap_days": settings.gap_days,
            "weights": WEIGHTS,
            "settings": settings.model_dump(),
            "cutoffs": [str(day_of(at, repository.zone)) for at in complete],
            "data_end": history.end.isoformat(),
            "maturity": maturity.document(),
            "care": weights.facts,
            "first_outcomes": _first_outcomes(rows),
            "unknown_labels": {
                str(days): rows.filter(end.is_not_null())[f"label_{days}"].null_count()
                for days, end in label_ends().items()
            },
        },
    )


def _union(ids: Iterable[pl.Series]) -> pl.Series:
    return pl.concat(ids).unique().sort()


def _first_outcomes(rows: pl.DataFrame) -> dict[str, int]:
    """Rows by their first outcome within the longest horizon, competing outcomes included; of those
    whose label within it is complete.
    """
    complete = label_ends()[HORIZON_DAYS[-1]].is_not_null()
    within = rows.filter(complete, pl.col("lost_at") <= pl.col("horizon_end"))
    return dict(
        within["how"].value_counts().sort("count", "how", descending=[True, False]).iter_rows()
    )


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for reason, rows in more.items():
        total[reason] = total.get(reason, 0) + rows


def _naive(column: pl.Series) -> Times:
    return column.dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
