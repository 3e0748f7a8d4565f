"""A home directory as one run's own: locked while it is written, and kept to one table."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Self

from features.encoding.encoding import Encoding
from features.flat.customers import CustomerTable
from features.flat.repository import TableRepository
from holdfast.errors import HomeError
from holdfast.files import write_beside
from holdfast.home import Home, locked

_NO_PATH_MARKS = ("?", "%", "#", "*", "[", "]", ":")


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
    published : bool
        Whether a model was, or is about to be, published there. Until then another table may take
        the home over.
    """

    id: str | None
    target: str
    positive: list[str]
    columns: list[str]
    published: bool = False

    @classmethod
    def of(cls, customers: CustomerTable) -> Self:
        """Identity of a table in its roles."""
        roles = customers.roles
        return cls(
            id=roles.id,
            target=roles.target,
            positive=list(roles.positive),
            columns=sorted(customers.columns),
        )


def read_identity(home: Home) -> TableIdentity | None:
    """What the home belongs to, None where no run has begun there.

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
        raise HomeError(
            str(home.manifest), f"cannot be read ({type(error).__name__}); choose another --home"
        ) from None


@contextmanager
def claimed(home: Home, identity: TableIdentity) -> Iterator[None]:
    """Hold the home for one run on a table.

    Raises
    ------
    HomeError
        It cannot be written, another process writes there, or it belongs to another table.
    """
    with locked(home):
        check_identity(home, identity)
        yield


def check_identity(
    home: Home, identity: TableIdentity, left_out: Mapping[str, str] | None = None
) -> None:
    """Refuse a home that belongs to another table, or is no home at all; errors as in `claimed`.

    Parameters
    ----------
    home : Home
        The home.
    identity : TableIdentity
        The table that a run is about.
    left_out : mapping of str to str, optional
        Columns of the table that are no features, with the reason, for the error.
    """
    known = read_identity(home)
    if known is None:
        _refuse_foreign_files(home)
        return
    if not known.published:
        return
    for field, was in asdict(known).items():
        now = getattr(identity, field)
        if now != was and field != "published":
            detail, mends = f"with {field} {was!r}, not {now!r}", "choose another --home"
            if field == "columns":
                gone, new = sorted(set(was) - set(now)), sorted(set(now) - set(was))
                detail = "; ".join(
                    f"{what} {', '.join(names)}"
                    for what, names in (("without", gone), ("with new", new))
                    if names
                )
                detail = f"with other columns (this one comes {detail})"
                reasons = {name: left_out[name] for name in gone if left_out and name in left_out}
                if reasons:
                    listed = "; ".join(f"{name!r}: {why}" for name, why in reasons.items())
                    detail += f". In the table, but no feature now: {listed}"
                    mends = 'set kind = "category" for it with --columns, or choose another --home'
            raise HomeError(f"--home {home.root}", f"belongs to another run, {detail}; {mends}")


def _refuse_foreign_files(home: Home) -> None:
    ours = (
        home.features / "feature_store.yaml",
        home.tracking,
        home.artifacts,
        home.scores,
        home.care_list,
        home.report,
    )
    for path in ours:
        if path.exists():
            raise HomeError(
                f"--home {home.root}",
                "has files of somebody else's that a run would overwrite",
                path.name,
            )


def record_identity(home: Home, identity: TableIdentity) -> None:
    """Note what the home belongs to from now on."""
    write_beside(home.manifest, json.dumps(asdict(identity), ensure_ascii=False, indent=1) + "\n")


def was_published(home: Home) -> bool:
    """Whether a model was, or was about to be, published in the home."""
    known = read_identity(home)
    return known is not None and known.published


def home_encoding(home: Home, customers: CustomerTable) -> Encoding:
    """The encoding of a table in its home.

    The published one is extended, so that codes keep their meaning; a new home gets a new one.
    """
    return customers.encoding(TableRepository(home).encoding() if was_published(home) else None)
