import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.builders.servers import POSTGRES_URL, require_postgres


@pytest.fixture
def postgres() -> Iterator[str]:
    """A server with a schema of the test's own."""
    server, schema = require_postgres(), f"holdfast_{uuid.uuid4().hex}"
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    url = sa.make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with server.begin() as connection:
            connection.execute(sa.schema.DropSchema(schema, cascade=True))
        server.dispose()
