"""Real tables to compare models on, as holdfast reads and encodes them."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from features.flat.customers import Roles, read_customer_table
from training.fitting.fit import TrainingTable


@dataclass(frozen=True)
class Case:
    """A table, the roles of its columns, and reference figures: published, or measured earlier.

    Parameters
    ----------
    name : str
        Name in the printed tables.
    path : Path
        The table.
    roles : Roles
        The roles of its columns.
    auc, empc_gained : str
        Reference figures.
    """

    name: str
    path: Path
    roles: Roles
    auc: str
    empc_gained: str

    def read(self) -> TrainingTable:
        """The labelled rows, encoded."""
        customers = read_customer_table(self.path, self.roles, datetime(2026, 1, 1, tzinfo=UTC))
        encoding = customers.encoding(None)
        known = np.flatnonzero(customers.known)
        return TrainingTable(
            matrix=encoding.encode(customers.table)[known],
            label=customers.label[known],
            group=None,
            features=encoding.features,
            categorical=tuple(
                position
                for position, column in enumerate(encoding.columns)
                if column.kind == "category"
            ),
        )


def cases(folder: Path) -> Iterator[Case]:
    """The tables in a folder of public data sets."""
    ibm = folder / "ibm_telco/telco_customer_churn.csv"
    yield Case("IBM telco", ibm, Roles(id="customerID", target="Churn"), "0.844 to 0.8495", "44 %")
    yield Case(
        "MLC++",
        folder / "mlc_churn/mlc_churn.csv",
        Roles(target="churn"),
        "0.9241 to 0.9296",
        "79 %",
    )
    costs = ("C_FP", "C_FN", "C_TP", "C_TN")
    pay_tv = folder / "tv_subscription/churn_tv_subscriptions.csv.gz"
    yield Case("pay-TV", pay_tv, Roles(id="id", target="target", drop=costs), "0.702", "")
    voice = folder / "beijing_satisfaction/voice.csv.gz"
    with gzip.open(voice, "rt", encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream))
    operator = frozenset(names[names.index("用户描述.1") + 1 :])
    dissatisfied = Roles(id=names[0], target=names[1], positive=tuple("123456"), available=operator)
    yield Case("Beijing voice, operator columns", voice, dissatisfied, "0.675 to 0.693", "")
