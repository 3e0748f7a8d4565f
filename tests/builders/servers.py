"""Servers that some tests need: skipped where none answers, unless HOLDFAST_TEST_SERVERS says that
they are required.
"""

import os
from typing import NoReturn

import pytest
import redis
import sqlalchemy as sa

POSTGRES_URL = (
    os.environ.get("HOLDFAST_TEST_POSTGRES_URL")
    or "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)
REDIS_URL = os.environ.get("HOLDFAST_REDIS_URL") or "redis://127.0.0.1:6379"


def require_redis() -> None:
    """Go on only where a Redis server answers."""
    try:
        redis.Redis.from_url(REDIS_URL, socket_connect_timeout=1).ping()
    except redis.RedisError:
        _absent("no Redis server answers; set HOLDFAST_REDIS_URL")


def require_postgres() -> sa.Engine:
    """Go on only where a PostgreSQL server answers; gives it."""
    server = sa.create_engine(POSTGRES_URL)
    try:
        server.connect().close()
    except sa.exc.OperationalError:
        _absent("no PostgreSQL server answers; set HOLDFAST_TEST_POSTGRES_URL")
    return server


def _absent(reason: str) -> NoReturn:
    if os.environ.get("HOLDFAST_TEST_SERVERS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
