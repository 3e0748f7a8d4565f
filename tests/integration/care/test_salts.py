"""The salt of a ledger's arms is known again, also by a ledger that an earlier release wrote."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import care.ledger
from care.ledger import tables as t
from care.ledger.ledger import Ledger
from care.ledger.rows import microseconds
from holdfast.errors import InputError
from tests.builders.ledger_rows import NOON, decision_row, plan_row
from tests.builders.ledgers import KINDS, ledger_url

SALT, OTHER = "the salt of this home", "the salt of another home"


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ledger_url(request.param, tmp_path) as url:
        yield url


def test_another_salt_is_refused_once_an_arm_was_drawn(url: str) -> None:
    ledger = Ledger(url)
    ledger.keep_salt(OTHER, NOON)
    owed = decision_row(0, arm=None, propensity=None)
    ledger.record_plan(plan_row(), {}, [owed])
    # Nothing was drawn with the first one.
    ledger.keep_salt(SALT, NOON)
    ledger.record_plan(plan_row("spring-2"), {}, [decision_row(1)])
    assert ledger.has_arms
    ledger.keep_salt(SALT, NOON)
    with pytest.raises(
        InputError, match="care/salt: must be the file that the ledger's arms"
    ) as no:
        ledger.keep_salt(OTHER, NOON)
    assert OTHER not in str(no.value)
    ledger.close()


def test_a_ledger_of_an_earlier_release_takes_over_its_homes_salt(url: str) -> None:
    _write_before_salts(url)
    ledger = Ledger(url)
    assert ledger.has_arms
    ledger.keep_salt(SALT, NOON)
    with pytest.raises(InputError, match="care/salt"):
        ledger.keep_salt(OTHER, NOON)
    ledger.close()


def _write_before_salts(url: str) -> None:
    """A ledger of the release before, with an arm."""
    at = microseconds(NOON)
    of = {"plan_id": "spring-1", "campaign_id": "spring"}
    plan = of | {"campaign_digest": "c", "digest": "d", "number": 1, "made_at": at, "about": {}}
    row = asdict(decision_row(1, send_after=at, send_before=at))
    del row["fields"]
    config = Config()
    folder = Path(care.ledger.__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.execute(t.PLANS.insert(), plan)
        connection.execute(t.DECISIONS.insert(), row | of | {"decided_at": at})
        assert not sa.inspect(connection).has_table("salts")
    engine.dispose()
