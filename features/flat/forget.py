"""Customers removed from the features of a team's own table."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.flat.repository import ID, VIEW, TableRepository
from features.online.service import online_directory
from features.packed.store import PackedStore
from holdfast.parquet_rows import remove_rows


def forget_flat(
    repository: TableRepository, customers: Collection[str], *, dry_run: bool = False
) -> int:
    """Remove customers from the feature table and the online store; how many were in the table.

    Parameters
    ----------
    repository : TableRepository
        It need not exist.
    customers : collection of str
        Their ids.
    dry_run : bool
        Whether to count only.
    """
    path = repository.table
    if not path.exists():
        return 0
    gone = pa.array(sorted(customers), pa.string())
    removed = remove_rows(
        path,
        (ID,),
        lambda rows: np.asarray(pc.is_in(rows[ID], gone).to_numpy(), dtype=np.bool_),
        dry_run=dry_run,
    )
    directory = online_directory(repository.directory)
    if dry_run:
        return removed
    if (directory / "data.mdb").exists():
        PackedStore(directory).forget({VIEW: customers}, {})
    elif (repository.directory / "feature_store.yaml").exists():
        from features.online.feast_store import open_feast
        from features.online.redis_store import forget_entities

        forget_entities(open_feast(repository.directory), {ID: customers})
    return removed


def scrub_flat(repository: TableRepository) -> bool:
    """Overwrite in the online store what was deleted; False where a reader keeps it."""
    directory = online_directory(repository.directory)
    return not (directory / "data.mdb").exists() or PackedStore(directory).scrub()
