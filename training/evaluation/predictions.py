"""Test predictions: predictions of a version for its test rows, stored with its run so that it can
be compared with a later one.

A row is identified by a digest of id and cut-off, a customer by a digest of its id. Rows in the
test periods of two versions trained neither of them, so both can be evaluated on these rows.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from holdfast.parquet_rows import remove_rows
from training.counting import fewest_of_a_class
from training.evaluation.assess import Predictions, assess
from training.evaluation.assessment import Assessment, horizon_name
from training.labelling.dataset import Dataset
from training.settings import AssessmentSettings

TEST_PREDICTIONS = "test_predictions.parquet"
"""Name of the file among a run's artifacts."""

_CARE_WEIGHT = "care_weight_"
_FEWEST_POSITIVES = 30
"""Customers with a positive, and with a negative, that two versions are compared on."""


@dataclass(frozen=True, kw_only=True)
class TestPredictions:
    """Predictions of a version for its n test rows.

    Parameters
    ----------
    row, customer : (n,) uint64
        Digests of id and cut-off, and of the customer.
    weight : (n,) float64
        Positive.
    care_weight : dict of str to (n,) float64
        By horizon, how many rows each represents that care touched within it; empty where there was
        no care, and in predictions of an earlier release, whose `weight` has it in.
    label, probability : dict of str to (n,) float64
        By `training.evaluation.assessment.horizon_name`; label is NaN where the outcome is not yet
        known.
    """

    __test__ = False  # pytest would take the name for a test

    row: NDArray[np.uint64]
    customer: NDArray[np.uint64]
    weight: Floats
    label: dict[str, Floats]
    probability: dict[str, Floats]
    care_weight: dict[str, Floats] = field(default_factory=dict)

    def weight_of(self, horizon: str) -> Floats:
        """How much each row counts within a horizon."""
        weight: Floats = self.weight * self.care_weight.get(horizon, 1.0)
        return weight

    @classmethod
    def of(cls, dataset: Dataset, test: Positions, probability: Mapping[str, Floats]) -> Self:
        """Predictions for some rows of a dataset, by
        `training.evaluation.assessment.horizon_name`.
        """
        rows = pd.DataFrame(
            {"id": dataset.ids[test], "cutoff": dataset.cutoffs[test].astype("datetime64[us]")}
        )
        return cls(
            row=pd.util.hash_pandas_object(rows, index=False).to_numpy().astype(np.uint64),
            customer=pd.util.hash_array(dataset.customers[test].astype(object)),
            weight=dataset.weight[test],
            label={horizon_name(days): label[test] for days, label in dataset.labels.items()},
            probability=dict(probability),
            care_weight={
                horizon_name(days): weight[test] for days, weight in dataset.care_weight.items()
            },
        )

    def to_table(self) -> pa.Table:
        """As stored: ``row``, ``customer``, ``weight``, and ``label_90``, ``probability_90``, where
        there was care ``care_weight_90``, and so on by horizon.
        """
        columns = {"row": self.row, "customer": self.customer, "weight": self.weight}
        columns |= {f"label_{horizon}": self.label[horizon] for horizon in self.probability}
        columns |= {
            f"probability_{horizon}": values for horizon, values in self.probability.items()
        }
        columns |= {
            f"{_CARE_WEIGHT}{horizon}": values for horizon, values in self.care_weight.items()
        }
        return pa.table(columns)

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Read back what `to_table` gave."""
        columns = {name: table[name].to_numpy() for name in table.column_names}
        horizons = [
            name.removeprefix("probability_") for name in columns if name.startswith("probability_")
        ]
        return cls(
            row=columns["row"],
            customer=columns["customer"],
            weight=columns["weight"],
            label={horizon: columns[f"label_{horizon}"] for horizon in horizons},
            probability={horizon: columns[f"probability_{horizon}"] for horizon in horizons},
            care_weight={
                name.removeprefix(_CARE_WEIGHT): values
                for name, values in columns.items()
                if name.startswith(_CARE_WEIGHT)
            },
        )


def forget_predictions(
    artifacts: Path, customers: Collection[str], *, dry_run: bool = False
) -> int:
    """Remove customers' rows from the test predictions of all versions; how many.

    Parameters
    ----------
    artifacts : Path
        Folder of the runs' artifacts.
    customers : collection of str
        Their ids.
    dry_run : bool
        Whether to count only.
    """
    digests = pa.array(pd.util.hash_array(np.array(sorted(customers), dtype=object)), pa.uint64())
    return sum(
        remove_rows(
            path,
            ("customer",),
            lambda rows: np.asarray(pc.is_in(rows["customer"], digests).to_numpy(), dtype=np.bool_),
            dry_run=dry_run,
        )
        for path in sorted(artifacts.rglob(TEST_PREDICTIONS))
    )


def compare_predictions(
    ours: TestPredictions, theirs: TestPredictions, settings: AssessmentSettings, seed: int
) -> dict[str, Assessment]:
    """Evaluate two versions on the rows that both were tested on.

    Parameters
    ----------
    ours, theirs : TestPredictions
        The two.
    settings : AssessmentSettings
        Draws.
    seed : int
        Of the draws.

    Returns
    -------
    dict of str to Assessment
        By horizon: ours, with theirs as the baseline ``other``. A horizon is left out where too few
        customers have shared rows with a known outcome.
    """
    _, here, there = np.intersect1d(ours.row, theirs.row, return_indices=True)
    assessments = {}
    for horizon in ours.probability:
        if horizon not in theirs.probability:
            continue
        label = ours.label[horizon][here]
        # The version that was trained later may know more outcomes; where the two disagree, the
        # label was corrected in between.
        known = ~np.isnan(label) & (label == theirs.label[horizon][there])
        rows = here[known]
        if fewest_of_a_class(label[known], ours.customer[rows]) < _FEWEST_POSITIVES:
            continue
        assessments[horizon] = assess(
            Predictions(
                horizon_days=int(horizon) if horizon else None,
                label=label[known],
                probability=ours.probability[horizon][rows],
                weight=ours.weight_of(horizon)[rows],
                customer=np.unique(ours.customer[rows], return_inverse=True)[1].astype(np.int64),
                strata=np.full(len(rows), "", dtype=np.str_),
                slices={},
                cutoffs=np.zeros(len(rows), dtype="datetime64[us]"),
                trained_until=None,
                holdout=np.zeros(len(rows), dtype=bool),
                baselines={"other": theirs.probability[horizon][there[known]]},
            ),
            settings,
            seed,
        )
    return assessments
