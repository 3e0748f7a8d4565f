"""A home directory as one run's own: locked while it is written, and kept to one table."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Self

from filelock import FileLock, Timeout

from features.customer_table import CustomerTable
from features.table_repository import write_beside
from holdfast.errors import HomeError
from holdfast.settings import Home


@dataclass(frozen=True, kw_only=True)
class TableIdentity:
    """What a home belongs to: runs on the same table make versions of one model.

    Parameters
    ----------
    id : str or None
        Id column.
    target : str
        Target column.
    positive : list of str
        Its positive values.
    columns : list of str
        Feature columns, sorted.
    """

    id: str | None
    target: str
    positive: list[str]
    columns: list[str]

    @classmethod
    def of(cls, customers: CustomerTable) -> Self:
        """Identity of a table in its roles."""
        roles = customers.roles
        return cls(id=roles.id, target=roles.target, positive=list(roles.positive), columns=sorted(customers.columns))


def read_identity(home: Home) -> TableIdentity | None:
    """What the home belongs to, None where no run has finished there.

    Raises
    ------
    HomeError
        The home's manifest is damaged.
    """
    try:
        return TableIdentity(**json.loads(home.manifest.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError) as error:
        raise HomeError(str(home.manifest), f"cannot be read ({type(error).__name__}); choose another --home") from None


@contextmanager
def claimed(home: Home, identity: TableIdentity) -> Iterator[None]:
    """Hold the home for one run.

    Raises
    ------
    HomeError
        It cannot be written, another process writes there, or it belongs to another table.
    """
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        if not os.access(home.root, os.W_OK):
            raise PermissionError
        lock = FileLock(home.lock, blocking=False)
        lock.acquire()
    except Timeout:
        raise HomeError(f"--home {home.root}", "another process is writing there; wait for it or choose another") from None
    except OSError:
        raise HomeError(f"--home {home.root}", "must be a directory that can be written") from None
    with lock:
        check_identity(home, identity)
        yield


def check_identity(home: Home, identity: TableIdentity) -> None:
    """Refuse a home that belongs to another table; errors as in `claimed`."""
    known = read_identity(home)
    if known is None or known == identity:
        return
    for field, was in asdict(known).items():
        now = getattr(identity, field)
        if now != was:
            detail = f"with {field} {was!r}, not {now!r}"
            if field == "columns":
                gone, new = sorted(set(was) - set(now)), sorted(set(now) - set(was))
                detail = "; ".join(
                    f"{what} {', '.join(names)}" for what, names in (("without", gone), ("with new", new)) if names
                )
                detail = f"with other columns (this one comes {detail})"
            raise HomeError(f"--home {home.root}", f"belongs to another run, {detail}; choose another --home")


def record_identity(home: Home, identity: TableIdentity) -> None:
    """Note what the home belongs to from now on."""
    write_beside(home.manifest, json.dumps(asdict(identity), ensure_ascii=False, indent=1) + "\n")
