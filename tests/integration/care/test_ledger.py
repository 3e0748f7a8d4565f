"""The ledger on SQLite and PostgreSQL: nothing is sent that was not approved, and nothing twice."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from care.ledger.ledger import Ledger
from care.ledger.outbox import Route
from care.ledger.rows import DecisionRow, OutcomeRow, Settlement, Verdicts
from care.ledger.tables import METADATA
from care.ledger.work import GIVEN_UP, MOST_BEGUN
from holdfast.errors import InputError
from tests.builders.ledger_rows import ANA, NOON, decision_row, plan_row
from tests.builders.ledgers import KINDS, ledger_url

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ledger_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger(url)
    yield opened
    opened.close()


def approved(ledger: Ledger, count: int = 3) -> None:
    rows = [decision_row(number) for number in range(count)]
    withheld = decision_row(
        99, channel=None, arm="control", propensity=0.194, send_after=None, send_before=None
    )
    ledger.record_plan(plan_row(), {"action": "plan_fit_offer"}, [*rows, withheld])
    assert ledger.approve("spring-1", "d" * 64, ANA, NOON) == count


def nobody(_: object) -> Verdicts:
    return Verdicts()


def test_nothing_is_claimed_before_it_is_approved(ledger: Ledger) -> None:
    assert ledger.record_plan(plan_row(), {}, [decision_row(1)])
    assert ledger.outbox.claim(NOON, 10, nobody) == []
    assert ledger.states() == {"planned": 1}
    assert ledger.approved_by("spring-1") is None
    ledger.approve("spring-1", "d" * 64, ANA, NOON)
    assert ledger.approved_by("spring-1") == "Ana"
    (claim,) = ledger.outbox.claim(NOON, 10, nobody)
    assert claim.decision == decision_row(1)
    assert (claim.campaign_id, claim.token, claim.attempt) == ("spring", 1, 1)


def test_no_error_of_the_database_quotes_customers(ledger: Ledger) -> None:
    twice = [decision_row(1, customer_id="C-4711", fields={"plan": "secret plan"})] * 2
    with pytest.raises(sa.exc.IntegrityError) as refused:
        ledger.record_plan(plan_row(), {}, twice)
    assert "C-4711" not in str(refused.value)
    assert "secret plan" not in str(refused.value)
    assert ledger.plans() == []


def test_a_plan_is_approved_as_it_was_looked_at_and_once(ledger: Ledger) -> None:
    ledger.record_plan(plan_row(), {}, [decision_row(1)])
    with pytest.raises(InputError, match="digest: must be that of the plan"):
        ledger.approve("spring-1", "e" * 64, ANA, NOON)
    with pytest.raises(InputError, match="plan: must be a plan of the ledger"):
        ledger.approve("autumn-1", "d" * 64, ANA, NOON)
    with pytest.raises(InputError, match="must name who approves"):
        ledger.approve("spring-1", "d" * 64, replace(ANA, name=" "), NOON)
    assert ledger.approve("spring-1", "d" * 64, ANA, NOON) == 1
    assert ledger.approve("spring-1", "d" * 64, replace(ANA, name="Bo"), NOON) == 0
    assert not ledger.record_plan(plan_row(), {}, [decision_row(1)])
    assert [plan.plan_id for plan in ledger.plans("spring")] == ["spring-1"]
    assert ledger.plans("autumn") == []


def test_who_is_withheld_is_never_claimed(ledger: Ledger) -> None:
    approved(ledger)
    claimed = {claim.decision.decision_id for claim in ledger.outbox.claim(NOON, 10, nobody)}
    assert claimed == {"D0", "D1", "D2"}
    assert ledger.states("spring") == {"claimed": 3, "withheld": 1}
    assert len(ledger.decisions("spring")) == 4


def test_a_claim_is_one_worker_s_until_its_lease_ends(ledger: Ledger) -> None:
    approved(ledger)
    first = ledger.outbox.claim(NOON, 2, nobody)
    second = ledger.outbox.claim(NOON, 2, nobody)
    assert {len(first), len(second)} == {2, 1}
    assert ledger.outbox.claim(NOON + 4 * MINUTE, 9, nobody) == []
    again = ledger.outbox.claim(NOON + 6 * MINUTE, 9, nobody)
    assert [claim.attempt for claim in again] == [2, 2, 2]
    # The first worker comes back after its lease: what it says no longer counts.
    assert ledger.outbox.handed_over(first, NOON + 7 * MINUTE) == 0
    assert ledger.outbox.handed_over(again, NOON + 7 * MINUTE) == 3
    assert ledger.outbox.handed_over(again, NOON + 7 * MINUTE) == 0
    assert ledger.states() == {"handed_over": 3, "withheld": 1}


def test_what_could_not_be_handed_over_is_tried_again_or_given_up(ledger: Ledger) -> None:
    approved(ledger, 2)
    one, other = ledger.outbox.claim(NOON, 2, nobody)
    later = Settlement(claim=one, state="approved", why="answer 503", next_at=NOON + 10 * MINUTE)
    never = Settlement(claim=other, state="dead", why="answer 410")
    assert ledger.outbox.settle([later, never], NOON) == 2
    assert ledger.outbox.claim(NOON + 9 * MINUTE, 9, nobody) == []
    (again,) = ledger.outbox.claim(NOON + 10 * MINUTE, 9, nobody)
    assert (again.decision.decision_id, again.token, again.attempt) == (
        one.decision.decision_id, 2, 2,
    )  # fmt: skip
    assert ledger.states() == {"claimed": 1, "dead": 1, "withheld": 1}


def test_who_is_refused_or_too_late_is_not_sent(ledger: Ledger) -> None:
    approved(ledger)
    claims = ledger.outbox.claim(NOON, 9, lambda _: Verdicts(refused={"D1": "consent withdrawn"}))
    assert {claim.decision.decision_id for claim in claims} == {"D0", "D2"}
    busy = [Settlement(claim=one, state="approved", why="busy") for one in claims]
    assert ledger.outbox.settle(busy, NOON) == 2
    assert ledger.outbox.claim(NOON + timedelta(days=7), 9, nobody) == []
    assert ledger.states() == {"expired": 2, "refused": 1, "withheld": 1}


def test_what_was_given_up_is_tried_again_when_somebody_asks_for_it(ledger: Ledger) -> None:
    approved(ledger, 2)
    dead = [
        Settlement(claim=one, state="dead", why="answer 410")
        for one in ledger.outbox.claim(NOON, 1, nobody)
    ]
    assert ledger.outbox.settle(dead, NOON) == 1
    assert ledger.outbox.replay("Ana", NOON, "autumn") == 0
    assert ledger.outbox.replay("Ana", NOON, "spring") == 1
    assert ledger.outbox.replay("Ana", NOON) == 0
    again = {one.decision.decision_id: one for one in ledger.outbox.claim(NOON, 9, nobody)}
    one = again[dead[0].claim.decision.decision_id]
    # The number of the claim goes on, so that a worker that comes back late is not heard.
    assert (one.token, one.attempt) == (2, 1)


def test_receivers_are_given_what_goes_through_their_channels(ledger: Ledger) -> None:
    rows = [decision_row(number, channel=("sms", "email")[number % 2]) for number in range(4)]
    ledger.record_plan(plan_row(), {}, rows)
    ledger.approve("spring-1", "d" * 64, ANA, NOON)
    crm = Route(receiver="crm", channels=("email",))
    mail = ledger.outbox.claim(NOON, 9, nobody, crm)
    assert [one.decision.decision_id for one in mail] == ["D1", "D3"]
    assert ledger.outbox.claim(NOON, 9, nobody, Route(channels=())) == []
    rest = ledger.outbox.claim(NOON, 9, nobody, Route(channels=("sms", "post")))
    assert [one.decision.decision_id for one in rest] == ["D0", "D2"]


def test_what_is_postponed_is_asked_again_later(ledger: Ledger) -> None:
    approved(ledger, 2)
    morning = NOON + timedelta(hours=20)
    claims = ledger.outbox.claim(NOON, 9, lambda _: Verdicts(postponed={"D0": morning}))
    assert [one.decision.decision_id for one in claims] == ["D1"]
    assert ledger.outbox.claim(morning - MINUTE, 1, nobody)[0].decision.decision_id == "D1"
    (again,) = ledger.outbox.claim(morning, 9, nobody, Route())
    assert (again.decision.decision_id, again.attempt) == ("D0", 1)


def test_who_is_refused_does_not_hide_those_after_them(ledger: Ledger) -> None:
    approved(ledger, 7)

    def judges(rows: Sequence[DecisionRow]) -> Verdicts:
        first = [row.decision_id for row in rows if row.decision_id < "D4"]
        return Verdicts(refused=dict.fromkeys(first, "consent withdrawn"))

    claims = ledger.outbox.claim(NOON, 2, judges)
    assert [one.decision.decision_id for one in claims] == ["D4", "D5"]
    late = NOON + timedelta(days=7)
    assert ledger.outbox.claim(late, 1, nobody) == []
    assert ledger.states() == {"expired": 3, "refused": 4, "withheld": 1}


@pytest.mark.parametrize("wait", [timedelta(0), MINUTE])
def test_who_is_postponed_does_not_hide_those_after_them(ledger: Ledger, wait: timedelta) -> None:
    approved(ledger, 7)
    asked: list[str] = []

    def all_but_the_last(rows: Sequence[DecisionRow]) -> Verdicts:
        asked.extend(row.decision_id for row in rows)
        # With no wait they are due still, as where the clock stands still.
        later = {row.decision_id: NOON + wait for row in rows if row.decision_id != "D6"}
        return Verdicts(postponed=later)

    (claim,) = ledger.outbox.claim(NOON, 2, all_but_the_last)
    assert claim.decision.decision_id == "D6"
    assert ledger.outbox.claim(NOON, 2, all_but_the_last) == []
    assert max(asked.count(one) for one in asked) <= 2
    assert ledger.states() == {"approved": 6, "claimed": 1, "withheld": 1}


def test_what_a_lost_worker_claimed_is_taken_over(ledger: Ledger) -> None:
    approved(ledger)
    first = ledger.outbox.claim(NOON, 1, nobody, Route(receiver="crm", worker=1))
    by_command = ledger.outbox.claim(NOON, 1, nobody)
    assert ledger.outbox.take_over(1) == 0
    assert ledger.outbox.take_over(2) == 1
    again = ledger.outbox.claim(NOON, 9, nobody, Route(receiver="crm", worker=2))
    assert {one.decision.decision_id for one in again} == {"D0", "D2"}
    assert ledger.outbox.handed_over(first, NOON) == 0
    assert ledger.outbox.handed_over(by_command, NOON) == 1
    assert ledger.outbox.waiting() == [("plan_fit_offer", NOON)]


def test_what_is_too_late_ends_though_nobody_claims_it(ledger: Ledger) -> None:
    approved(ledger)
    ledger.outbox.claim(NOON, 1, nobody)
    assert ledger.outbox.expire(NOON + timedelta(days=6)) == 0
    assert ledger.outbox.expire(NOON + timedelta(days=7)) == 3
    assert ledger.states() == {"expired": 3, "withheld": 1}


def test_one_process_holds_the_lease(ledger: Ledger) -> None:
    lease, second = timedelta(seconds=10), timedelta(seconds=1)
    one = ledger.work_lease.take("one", NOON, lease)
    assert one.holder == "one"
    assert ledger.work_lease.take("two", NOON + 9 * second, lease) == one
    assert ledger.work_lease.renew(one, NOON + 9 * second, lease)
    assert ledger.work_lease.take("two", NOON + 18 * second, lease).holder == "one"
    two = ledger.work_lease.take("two", NOON + 19 * second, lease)
    assert (two.holder, two.token) == ("two", one.token + 1)
    assert not ledger.work_lease.renew(one, NOON + 20 * second, lease)
    # Who has lost it cannot give it back.
    ledger.work_lease.give_back(one, NOON + 20 * second)
    assert ledger.work_lease.take("one", NOON + 21 * second, lease).holder == "two"
    ledger.work_lease.give_back(two, NOON + 22 * second)
    assert ledger.work_lease.take("one", NOON + 22 * second, lease).holder == "one"


def test_a_halt_stops_everything_at_once(ledger: Ledger) -> None:
    approved(ledger)
    ledger.halt("Ana", NOON)
    assert ledger.is_halted
    assert ledger.outbox.claim(NOON, 9, nobody) == []
    ledger.halt("Ana", NOON, is_halted=False)
    assert len(ledger.outbox.claim(NOON, 9, nobody)) == 3


@pytest.mark.parametrize("by", ["", "  ", "A" * 129])
def test_who_halts_or_replays_is_named(ledger: Ledger, by: str) -> None:
    for ask in (ledger.halt, ledger.outbox.replay):
        with pytest.raises(InputError, match="--by: must be a name of 1 to 128 characters"):
            ask(by, NOON)
    assert not ledger.is_halted


def test_outcomes_count_once_in_whatever_order(ledger: Ledger) -> None:
    approved(ledger)
    told = [
        OutcomeRow(
            decision_id=name,
            outcome="accepted",
            value=1.0,
            happened_at=NOON + k * MINUTE,
            reported_at=NOON + timedelta(days=1),
        )
        for k, name in enumerate(["D1", "D0", "D99", "X"])
    ]
    assert ledger.record_outcomes(told) == ["taken"] * 3 + ["unknown"]
    again = ledger.record_outcomes([*told[::-1], *told])
    assert again == ["unknown", *["repeated"] * 6, "unknown"]
    later = replace(told[0], happened_at=NOON + timedelta(days=3))
    assert ledger.record_outcomes([later, later]) == ["taken", "repeated"]
    assert ledger.record_outcomes([replace(later, value=0.0)]) == ["differs"]
    assert ledger.outcomes("spring") == {"accepted": 3}


def test_a_failure_changes_nothing(ledger: Ledger) -> None:
    twice = [decision_row(1), decision_row(1)]
    with pytest.raises(sa.exc.IntegrityError):
        ledger.record_plan(plan_row(), {}, twice)
    assert ledger.plans() == []
    approved(ledger)

    def broken(_: object) -> Verdicts:
        raise RuntimeError("policy")

    with pytest.raises(RuntimeError, match="policy"):
        ledger.outbox.claim(NOON, 9, broken)
    assert ledger.states() == {"approved": 3, "withheld": 1}


def test_numbers_are_given_once_also_to_those_who_ask_at_the_same_time(url: str) -> None:
    ledgers = [Ledger(url) for _ in range(3)]
    with ThreadPoolExecutor(len(ledgers)) as pool:
        list(pool.map(lambda one: [one.halt("Ana", NOON) for _ in range(5)], ledgers))
    for one in ledgers:
        one.close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        numbers = connection.execute(sa.text("SELECT number FROM halts ORDER BY number")).scalars()
        assert list(numbers) == list(range(1, 16))
    engine.dispose()


def test_a_job_is_done_once_and_again_by_the_next_worker_after_a_kill(ledger: Ledger) -> None:
    jobs = ledger.jobs
    asked = jobs.ask("spring", "console", NOON)
    assert jobs.ask("spring", "other", NOON + MINUTE) == asked
    assert jobs.ask("autumn", "", NOON).number == 2
    first = jobs.take(1, NOON)
    assert first is not None
    assert (first.number, first.state) == (1, "running")
    second = jobs.take(1, NOON)
    assert second is not None
    assert second.number == 2
    assert jobs.end(second, 1, NOON, "no scores")
    # What runs with its worker is not begun again, and what is asked meanwhile is another job.
    assert jobs.take(1, NOON) is None
    assert jobs.ask("spring", "console", NOON).number == 3
    again = jobs.take(2, NOON)
    assert again is not None
    assert again.number == 1
    assert not jobs.end(first, 1, NOON)
    assert jobs.end(again, 2, NOON + MINUTE)
    assert [(one.number, one.state, one.why) for one in jobs.newest()] == [
        (3, "waiting", ""),
        (2, "failed", "no scores"),
        (1, "done", ""),
    ]
    assert [one.number for one in jobs.newest(2)] == [2]


def test_a_job_that_ends_its_process_each_time_is_given_up(ledger: Ledger) -> None:
    ledger.jobs.ask("spring", "", NOON)
    for worker in range(1, MOST_BEGUN + 1):
        assert ledger.jobs.take(worker, NOON) is not None
    assert ledger.jobs.take(MOST_BEGUN + 1, NOON) is None
    assert [(one.state, one.why) for one in ledger.jobs.newest()] == [("failed", GIVEN_UP)]


def test_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    Ledger(url).close()
    Ledger(url).close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_other_databases_are_refused(tmp_path: Path) -> None:
    for wrong in ("mysql://me:hunter2@localhost/x", "nonsense", f"sqlite:///{tmp_path}/no/care.db"):
        with pytest.raises(InputError, match=r"^ledger: ") as refused:
            Ledger(wrong)
        assert "hunter2" not in str(refused.value)
