"""The state that changes from week to week, as flat arrays, which a checkpoint holds."""

from dataclasses import dataclass, fields

import numpy as np

from simulator.world.calendar import FIRST_WEEK, NEVER, NO_WEEK
from simulator.world.care_actions import FADES
from simulator.world.draws import Array
from simulator.world.parameters import PREPAID
from simulator.world.plans import PlanCatalogue
from simulator.world.population import Population

PLANNED, ACTIVE, SUSPENDED, ENDED = -1, 0, 1, 2
"""Status of a line; the last three are the contract's."""


@dataclass
class SimulationState:
    """A block's state at the start of a week.

    Arrays have one entry per line, or per customer (``c_``), account (``a_``) or open contact
    (``o_``). The names are those of the checkpoint.
    """

    status: Array
    reason: Array
    plan: Array
    plan_since: Array
    fee: Array
    start_at: Array
    commit_end: Array
    promo_end: Array
    discount: Array
    instalment_end: Array
    cell: Array
    device_week: Array
    device_5g: Array
    usage_wave: Array
    idle_weeks: Array
    cycle_data: Array
    cycle_minutes: Array
    cycle_overage: Array
    last_used: Array
    unused: Array
    use_level: Array
    net_past: Array
    net_now: Array
    outage: Array
    """How long service was out lately, fading; 1 is two hours in this week."""
    price_rise: Array
    promo_over: Array
    shift: Array
    """Shifts of the log hazard by care, fading: one row per line, one column per rate of
    `simulator.world.care_actions.FADES`.
    """
    balance: Array
    wavering_from: Array
    """Week in which the line began to waver; `NO_WEEK` if it does not."""
    wavering_to: Array
    leaves: Array
    declines: Array
    quiet_from: Array
    """Time of the line's last use before a loss."""
    leave_at: Array
    leave_how: Array
    leave_why: Array
    notice_at: Array
    c_satisfaction: Array
    c_open_issue: Array
    c_open_until: Array
    c_open_ticket: Array
    c_contacts: Array
    """Recent contacts, fading."""
    c_unresolved: Array
    c_care_contacts: Array
    """Recent contacts by care, fading."""
    c_sibling: Array
    """Lines of the household that were lost recently, fading; kept at its first customer."""
    c_no_offers: Array
    c_no_surveys: Array
    c_no_profiling: Array
    c_no_contact: Array
    c_tier: Array
    c_points: Array
    a_usual: Array
    a_shock: Array
    a_default: Array
    a_unpaid: Array
    a_owed: Array
    a_oldest_due: Array
    o_contact: Array
    """Ids of care contacts as numbers (see `simulator.weekly.campaign`)."""
    o_line: Array
    o_at: Array

    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def forget_cases(self) -> None:
        """Forget the tickets and contacts by care that are open, so that no row refers to them."""
        self.c_open_ticket[:] = -1
        self.o_contact, self.o_line, self.o_at = (
            open_now[:0] for open_now in (self.o_contact, self.o_line, self.o_at)
        )


def initial(population: Population, plans: PlanCatalogue) -> SimulationState:
    """Create the state before the first week, in which no line has started.

    Parameters
    ----------
    population : Population
        The block's.
    plans : PlanCatalogue
        Plans, for fees.
    """
    lines, customers = population.lines, population.customers
    count, people = len(lines.number), len(customers.number)

    def zeros(size: int = count) -> Array:
        return np.zeros(size, dtype=np.float32)

    def whole(value: int, size: int = count, kind: type = np.int32) -> Array:
        return np.full(size, value, dtype=kind)

    fee = plans.fee(FIRST_WEEK)[lines.plan]
    return SimulationState(
        status=whole(PLANNED, kind=np.int8),
        reason=whole(-1, kind=np.int8),
        plan=lines.plan.astype(np.int16),
        plan_since=lines.start_at.copy(),
        fee=fee.astype(np.float64),
        start_at=lines.start_at.copy(),
        commit_end=lines.commit_end.astype(np.int32),
        promo_end=lines.promo_end.astype(np.int32),
        discount=lines.discount.astype(np.float64),
        instalment_end=np.where(lines.instalments, lines.commit_end, NO_WEEK).astype(np.int32),
        cell=lines.cell.astype(np.int32),
        device_week=np.where(lines.mobile, lines.device_week, NO_WEEK).astype(np.int32),
        device_5g=lines.is_5g.copy(),
        usage_wave=zeros(),
        idle_weeks=whole(0, kind=np.int8),
        cycle_data=zeros(),
        cycle_minutes=zeros(),
        cycle_overage=np.zeros(count),
        last_used=whole(NEVER, kind=np.int64),
        unused=np.full(count, 0.35, dtype=np.float32),
        use_level=zeros(),
        net_past=np.full(count, np.nan, dtype=np.float32),
        net_now=zeros(),
        outage=zeros(),
        price_rise=zeros(),
        promo_over=zeros(),
        shift=np.zeros((count, len(FADES)), dtype=np.float32),
        balance=np.where(lines.kind == PREPAID, lines.recharge * 0.6, 0.0),
        wavering_from=whole(NO_WEEK),
        wavering_to=whole(NO_WEEK),
        leaves=whole(0, kind=np.bool_),
        declines=whole(0, kind=np.bool_),
        quiet_from=whole(NEVER, kind=np.int64),
        leave_at=whole(NEVER, kind=np.int64),
        leave_how=whole(-1, kind=np.int8),
        leave_why=whole(-1, kind=np.int8),
        notice_at=whole(NEVER, kind=np.int64),
        c_satisfaction=customers.satisfaction_level.astype(np.float64),
        c_open_issue=whole(-1, people, np.int8),
        c_open_until=whole(NO_WEEK, people),
        c_open_ticket=whole(-1, people, np.int64),
        c_contacts=zeros(people),
        c_unresolved=zeros(people),
        c_care_contacts=zeros(people),
        c_sibling=zeros(people),
        c_no_offers=whole(0, people, np.bool_),
        c_no_surveys=whole(0, people, np.bool_),
        c_no_profiling=whole(0, people, np.bool_),
        c_no_contact=whole(0, people, np.bool_),
        c_tier=whole(0, people, np.int8),
        c_points=whole(0, people),
        a_usual=np.zeros(people),
        a_shock=zeros(people),
        a_default=whole(0, people, np.bool_),
        a_unpaid=whole(0, people, np.int8),
        a_owed=np.zeros(people),
        a_oldest_due=whole(NEVER, people, np.int64),
        o_contact=whole(-1, 0, np.int64),
        o_line=whole(-1, 0, np.int64),
        o_at=whole(-1, 0, np.int64),
    )
