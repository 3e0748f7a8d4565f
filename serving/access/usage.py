"""On which day each secret was last used, as the service notes it."""

from collections.abc import Mapping
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from holdfast.home import Home
from serving.access.database import read_requests, requests_metadata, requests_path, unusable

_usage = sa.Table(
    "usage",
    requests_metadata,
    sa.Column("secret", sa.Text, primary_key=True),
    sa.Column("last_day", sa.Date, nullable=False),
)


def note_use(requests: sa.Engine, secret_id: str, day: date) -> None:
    """Note that a secret was used on a day; an earlier day than the noted one changes nothing."""
    statement = insert(_usage).values(secret=secret_id, last_day=day)
    later = statement.on_conflict_do_update(
        index_elements=[_usage.c.secret],
        set_={"last_day": statement.excluded.last_day},
        where=_usage.c.last_day < statement.excluded.last_day,
    )
    with requests.begin() as connection:
        connection.execute(later)


def last_days(home: Home) -> Mapping[str, date]:
    """The last day of use by id of a secret; empty where the service has noted none.

    Raises
    ------
    HomeError
        The notes cannot be read.
    """
    if not requests_path(home).exists():
        return {}
    try:
        with read_requests(home).begin() as connection:
            rows = connection.execute(sa.select(_usage.c.secret, _usage.c.last_day))
            return {row.secret: row.last_day for row in rows}
    except sa.exc.SQLAlchemyError as error:
        raise unusable(requests_path(home), "read", error) from None
