"""How other systems know the customers of a home."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from holdfast.home import Home
from training.labelling.history import RawHistory


def contact_ids(home: Home, system: str, at: datetime) -> Mapping[str, str]:
    """The id of each customer in another system, as known at a time.

    Parameters
    ----------
    home : Home
        Whose raw tables.
    system : str
        The other system, as the table ``external_ids`` names it.
    at : datetime
        The time (UTC).

    Returns
    -------
    mapping of str to str
        By customer. Of several valid ids, the one that began last; of these, the smallest.
    """
    history = RawHistory(home.raw, at)
    rows = (
        history.as_known("external_ids", ["valid_until_at"], at)
        .filter(
            pl.col("system") == system,
            pl.col("valid_until_at").is_null() | (pl.col("valid_until_at") > at),
        )
        .sort(["happened_at", "external_id"], descending=[False, True])
        .unique("customer_id", keep="last", maintain_order=True)
        .select("customer_id", "external_id")
        .collect()
    )
    return dict(rows.iter_rows())
