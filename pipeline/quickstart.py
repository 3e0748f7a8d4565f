"""Quickstart: from one customer table to a registered model, scores with reasons, a care list and a
report.

This module reads and checks; what takes long, and takes long to import, begins once the input is
known to be good.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from features.encoding.encoding import Encoding
from features.encoding.reading import missing_count
from features.flat.customers import CustomerTable, Roles, read_customer_table
from features.flat.identity import TableIdentity, check_identity, home_encoding
from features.online.settings import OnlineSettings
from features.tables.options import TableOptions
from holdfast.clock import Clock
from holdfast.home import Home
from holdfast.logging import progress
from models.churn import TABLE_CHURN
from models.words.catalogue import resolve
from training.settings import TrainingConfig

if TYPE_CHECKING:
    from training.flat.model import FlatModel


@dataclass(frozen=True, kw_only=True)
class Quickstart:
    """What a run made.

    Parameters
    ----------
    customers : CustomerTable
        The table as read.
    encoding : Encoding
        What was decided per column.
    training : FlatModel
        The model, its figures and flags.
    version : str or None
        Number of the registered model version; None where the table does not predict its target.
    champion : str or None
        Number of the version that is champion now: this one, or where nothing was registered one
        of an earlier run, if any.
    home : Home
        Where everything lies.
    seconds : float
        How long it took.
    """

    customers: CustomerTable
    encoding: Encoding
    training: "FlatModel"
    version: str | None
    champion: str | None
    home: Home
    seconds: float

    model_name = TABLE_CHURN

    @property
    def positive_rate(self) -> float:
        """Share of positives among rows whose label is known."""
        return float(np.nanmean(self.customers.label))

    def missing_share(self, column: str) -> float:
        """Share of rows in which a column is missing, 0 to 1."""
        values = self.customers.table[column]
        return missing_count(values) / len(values)

    def to_json(self) -> dict[str, object]:
        """The result as one JSON object."""
        return {
            "rows": len(self.customers.ids),
            "labelled_rows": int(self.customers.known.sum()),
            "features": len(self.encoding.columns),
            "positive": list(self.customers.roles.positive),
            "positive_rate": self.positive_rate,
            **self.training.evaluation.figures(),
            "flags": [vars(flag) for flag in self.training.flags],
            "left_out": list(self.customers.left_out),
            "columns": self.customers.plan.to_json(),
            "notes": list(self.customers.notes),
            "verdict": self.training.evaluation.signal.verdict,
            "enough_data": self.training.evaluation.signal.enough_data,
            "model_name": self.model_name,
            "model_version": self.version,
            "champion": self.champion,
            "home": str(self.home.root),
            "seconds": round(self.seconds, 1),
        }


def quickstart(
    where: str | Path,
    roles: Roles,
    home: Home,
    config: TrainingConfig,
    *,
    clock: Clock,
    as_of: datetime | None = None,
    online: OnlineSettings | None = None,
    options: TableOptions | None = None,
    language: str = "en",
) -> Quickstart:
    """Train, evaluate, explain, register and publish a churn model for a table.

    Where the table does not predict its target, nothing is registered or published, and the report
    says so.

    Parameters
    ----------
    where : str or Path
        The table: a file, folder, pattern or database, as `features.tables.place.read_table`
        takes it.
    roles : Roles
        What its columns are for.
    home : Home
        Where everything goes; made where it does not exist.
    config : TrainingConfig
        Its `fitting`, `leak_watch` and `bands`.
    clock : Clock
        When the table was read, the model registered and the report written.
    as_of : datetime, optional
        When rows without a date were true, as in `features.flat.customers.read_customer_table`.
    online : OnlineSettings, optional
        Where the features go, as `features.flat.repository.TableRepository`.
    options : TableOptions, optional
        What a person said about reading the table.
    language : str
        Language of the report and the care list, as a BCP 47 tag.

    Raises
    ------
    OpenQuestions
        A column can be read in more than one way; nothing was changed.
    InputError
        The table, the roles or the home are wrong; nothing was changed.
    """
    started, resolved_language = time.monotonic(), resolve(language)
    with progress("Reading the table"):
        customers = read_customer_table(where, roles, clock(), options, as_of=as_of)
        check_identity(home, TableIdentity.of(customers), customers.not_features)
        home_encoding(home, customers).encode(customers.table)
    with progress("Loading LightGBM and MLflow"):
        from pipeline.table_model import publish_model

    published = publish_model(
        customers,
        home,
        TABLE_CHURN,
        config,
        clock=clock,
        online=online,
        language=resolved_language,
    )
    return Quickstart(
        customers=customers,
        encoding=published.encoding,
        training=published.training,
        version=published.version,
        champion=published.champion,
        home=home,
        seconds=time.monotonic() - started,
    )
