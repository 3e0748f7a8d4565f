"""Consents in the ledger, on SQLite and PostgreSQL: three ways in, one state."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from care.consents import ConsentStatement
from care.ledger.consents import ConsentSource
from care.ledger.forget import forget_people
from care.ledger.ledger import Ledger
from care.ledger.rows import microseconds
from care.policy import NO, UNKNOWN, YES
from tests.builders.ledgers import KINDS, ledger_url

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CUSTOMERS = np.array(["a", "b", "c"])


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ledger_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger(url)
    yield opened
    opened.close()


def said(
    customer: str = "a", channel: str = "sms", *, granted: bool = True, days_ago: int = 1
) -> ConsentStatement:
    return ConsentStatement(
        customer_id=customer,
        purpose="offers",
        channel=channel,
        is_granted=granted,
        happened_at=NOW - timedelta(days=days_ago),
    )


def merge(ledger: Ledger, statements: list[ConsentStatement], digest: str = "1") -> int:
    rows = [
        (one.customer_id, one.purpose, one.channel, microseconds(one.happened_at), one.is_granted)
        for one in statements
    ]
    return ledger.consents.merge([rows], digest, NOW)


def test_a_statement_is_kept_once_whichever_way_it_comes(ledger: Ledger) -> None:
    one, other = said(), said("b")
    first = ledger.consents.record([one, one, other], "event", NOW)
    assert [of.is_new for of in first] == [True, False, True]
    (again,) = ledger.consents.record([one], "request", NOW + timedelta(hours=1))
    assert (again.is_new, again.at) == (False, NOW)
    assert ledger.consents.merged() == frozenset()
    assert merge(ledger, [one, one, said("c")]) == 1
    assert merge(ledger, [one, said("c")], "2") == 0
    assert ledger.consents.merged() == {"1", "2"}
    (kept,) = ledger.consents.about(["a"])
    assert (kept["source"], kept["happened_at"]) == ("event", one.happened_at.isoformat())


def test_who_is_forgotten_has_said_nothing(ledger: Ledger, url: str) -> None:
    ledger.consents.record([said(), said("a", "email"), said("b")], "event", NOW)
    assert forget_people(url, {"a"}, dry_run=True) == 2
    assert forget_people(url, {"a"}) == 2
    assert ledger.consents.about(["a"]) == []
    assert len(ledger.consents.about(["b"])) == 1


def test_what_is_in_force(ledger: Ledger) -> None:
    statements = [
        said(days_ago=2),
        said(granted=False, days_ago=1),
        said("b", days_ago=1),
        said("b", granted=False, days_ago=1),
        said("c", granted=False, days_ago=1),
        said("c", "any", days_ago=0),
        said("c", "email", granted=False, days_ago=-1),
    ]
    ledger.consents.record(statements, "request", NOW)
    in_force = ledger.consents.in_force(NOW)
    # The later one; of two at once the withdrawal; any channel after one; what is yet to come not.
    assert in_force.granted("offers", "sms", CUSTOMERS).tolist() == [NO, NO, YES]
    assert in_force.granted("offers", "email", CUSTOMERS).tolist() == [UNKNOWN, UNKNOWN, YES]
    of_b = ledger.consents.in_force(NOW, ["b"])
    assert of_b.granted("offers", "sms", CUSTOMERS).tolist() == [UNKNOWN, NO, UNKNOWN]
    before = ledger.consents.in_force(NOW - timedelta(days=1, hours=1))
    assert before.granted("offers", "sms", CUSTOMERS).tolist() == [YES, UNKNOWN, UNKNOWN]


@pytest.fixture(scope="module")
def one_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path_factory.mktemp('consents')}/care.db")
    yield opened
    opened.close()


RUNS = count()
statements_in = st.lists(
    st.tuples(
        st.builds(
            said,
            st.sampled_from(CUSTOMERS.tolist()),
            st.sampled_from(("sms", "email", "any")),
            granted=st.booleans(),
            days_ago=st.integers(0, 2),
        ),
        st.sampled_from(("raw", "event", "request")),
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(
    statements_in.flatmap(
        lambda one: st.tuples(
            st.just(one),
            st.permutations(one),
            st.lists(
                st.sampled_from(("raw", "event", "request")), min_size=len(one), max_size=len(one)
            ),
        )
    )
)
def test_the_same_statements_in_any_order_by_any_way_give_the_same_state(
    one_ledger: Ledger,
    both: tuple[
        list[tuple[ConsentStatement, ConsentSource]],
        list[tuple[ConsentStatement, ConsentSource]],
        list[ConsentSource],
    ],
) -> None:
    first, shuffled, ways = both
    states = []
    for told in (first, [(one, way) for (one, _), way in zip(shuffled, ways, strict=True)]):
        # Customers of their own, in one ledger for all.
        run = next(RUNS)
        for number, (statement, way) in enumerate(told):
            own = replace(statement, customer_id=f"{run}{statement.customer_id}")
            if way == "raw":
                merge(one_ledger, [own], f"{run} {number}")
            else:
                one_ledger.consents.record([own], way, NOW)
        own_customers = np.array([f"{run}{customer}" for customer in CUSTOMERS.tolist()])
        in_force = one_ledger.consents.in_force(NOW, own_customers.tolist())
        states.append(
            [
                in_force.granted("offers", channel, own_customers).tolist()
                for channel in ("sms", "email")
            ]
        )
    assert states[0] == states[1]
