"""Churn: the hazard of each line, wavering, and the loss."""

from collections.abc import Sequence

import numpy as np

from features.contracts.vocabulary import INVOLUNTARY_CHURN, STATUS_REASONS, VOLUNTARY_CHURN
from simulator.weekly.lifecycle import end_lines
from simulator.weekly.state import ACTIVE, ENDED, PLANNED
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, HOUR, NEVER, NO_WEEK, WEEK, local_time, season
from simulator.world.care_actions import FADES
from simulator.world.draws import Array
from simulator.world.lifetimes import lasting_part, low_use_part, tenure_part
from simulator.world.parameters import BROADBAND, PREPAID
from simulator.world.regions import competition

KINDS = (*VOLUNTARY_CHURN, *INVOLUNTARY_CHURN)
CAUSES = (
    *(
        "satisfaction",
        "commitment",
        "promotion_end",
        "price_rise",
        "bill_shock",
        "network",
        "competitor",
    ),
    *("household", "plan_fit", "low_use", "other"),
)
"""Main causes of a loss in the truth."""

CARE_CAUSES = (
    *("satisfaction", "commitment", "promotion_end"),
    *("price_rise", "bill_shock", "network", "plan_fit"),
)
"""Those of `CAUSES` that an operator can do something about for one customer."""

_REASON_OF = np.array(
    [
        STATUS_REASONS.index(kind if kind in STATUS_REASONS else "customer_request")
        for kind in KINDS
    ],
    dtype=np.int8,
)


def drivers(week: Week) -> dict[str, Array]:
    """Parts of each line's log hazard beyond its base, by cause; ``other`` is the sum of the rest."""
    magnitudes = week.parameters.churn
    lines, state, customers = week.population.lines, week.state, week.population.customers
    owner = lines.customer
    to_end = state.commit_end - week.number
    term = state.commit_end != NO_WEEK
    commitment = np.select(
        [term & (to_end > 5), term & (to_end > -7)],
        [magnitudes.committed, magnitudes.commitment_ending],
        np.where(lines.kind == PREPAID, 0.0, magnitudes.out_of_commitment),
    )
    pressure = (
        magnitudes.competitor_sd * competition(week.draws, week.number)[customers.region[owner]]
    )
    years = (week.start - state.start_at) / (365 * DAY)
    siblings = state.c_sibling[lines.household]
    held = week.by_customer(week.active())[owner]
    accounts = week.population.accounts
    return {
        "satisfaction": np.array(magnitudes.satisfaction)[lines.kind]
        * np.clip(state.c_satisfaction[owner], -3, 3),
        "commitment": commitment,
        "promotion_end": magnitudes.promotion_ended * np.minimum(state.promo_over, 1.5),
        "price_rise": magnitudes.price_rise * np.minimum(state.price_rise, 1.5),
        "bill_shock": magnitudes.bill_shock
        * state.a_shock[lines.account]
        * (lines.kind != PREPAID),
        "network": magnitudes.degraded * np.clip(state.net_now, -1, 3),
        "competitor": pressure + magnitudes.competitor_season * season(week.number),
        "household": magnitudes.sibling_left * np.minimum(siblings, 2.0),
        "plan_fit": magnitudes.unused
        * np.where(np.isnan(week.plans.data_gb[state.plan]), 0, state.unused - 0.35),
        "low_use": low_use_part(magnitudes, lines.kind, lines.base_data, lines.base_minutes),
        "other": tenure_part(magnitudes, lines.kind, years)
        + magnitudes.further_lines * np.minimum(held - 1, 4)
        + magnitudes.instalment * (state.instalment_end > week.number)
        + lasting_part(
            magnitudes,
            lines.kind,
            accounts.autopay[lines.account],
            lines.dual_sim,
            customers.age[owner],
            lines.frailty,
            lines.is_iot | lines.is_test,
        ),
    }


def largest_driver(causes: dict[str, Array], among: Sequence[str]) -> Array:
    """Which cause raises each line's hazard most above the base of its product line.

    A line's answer depends on nobody else, so that care changes it only for whom it treats.

    Parameters
    ----------
    causes : dict of str to (n,) array
        Parts of the log hazard, as `drivers` gives them.
    among : sequence of str
        Causes to choose from.

    Returns
    -------
    (n,) array of int
        Index of `CAUSES`.

    Examples
    --------
    >>> parts = {"network": np.array([0.4, 0.0]), "other": np.array([0.1, 0.2])}
    >>> [CAUSES[place] for place in largest_driver(parts, ("network", "other")).tolist()]
    ['network', 'other']
    """
    parts = np.stack([causes[cause] for cause in among], axis=1)
    largest: Array = np.array([CAUSES.index(cause) for cause in among])[parts.argmax(axis=1)]
    return largest


def hazard(week: Week, causes: dict[str, Array]) -> Array:
    """Probability that each line begins to waver in a week, if it is active and not wavering yet.

    Parameters
    ----------
    week : Week
        The week being simulated, or about to begin.
    causes : dict of str to array
        Result of `drivers`.
    """
    magnitudes = week.parameters.churn
    total = (
        np.array(magnitudes.base_log_hazard_a_week)[week.population.lines.kind]
        + sum(causes.values())
        + week.state.shift.sum(axis=1)
    )
    chance: Array = np.exp(np.minimum(total, magnitudes.log_hazard_most))
    return chance


def decide(week: Week) -> None:
    """Let lines begin to waver: most of them leave some weeks later, the others stay."""
    magnitudes = week.parameters.churn
    lines, state = week.population.lines, week.state
    calm = (state.wavering_to != NO_WEEK) & ~state.leaves & (state.wavering_to <= week.number)
    state.wavering_to[calm] = NO_WEEK
    state.shift *= np.array(FADES, dtype=np.float32)
    settled = (
        (state.status == ACTIVE)
        & (state.wavering_to == NO_WEEK)
        & (state.start_at < week.start - 2 * WEEK)
    )
    causes = drivers(week)
    who = np.flatnonzero(settled & (week.uniform("leaving") < hazard(week, causes)))
    if len(who) == 0:
        return
    number, kind = lines.number[who], lines.kind[who]

    def draw(what: str) -> Array:
        return week.draws.at(f"leaving {what}", number, week.number)

    lead = np.floor(draw("lead") * (1 + np.array(magnitudes.lead_weeks_most)[kind])).astype(
        np.int64
    )
    leaves = draw("really") < np.array(magnitudes.leaves_if_wavering)[kind]
    state.wavering_from[who] = week.number + 1
    state.wavering_to[who] = week.number + 1 + lead
    state.leaves[who] = leaves
    state.declines[who] = draw("decline") < magnitudes.declining_share
    week_part = draw("moment")
    day = np.floor(week_part * 7)
    goes = local_time(day, week_part * 7 - day, week.start) + (1 + lead) * WEEK
    prepaid = kind == PREPAID
    leave_at = np.where(prepaid, goes + magnitudes.inactivity_days * DAY, goes)
    ahead = (draw("notice") * np.minimum(magnitudes.notice_days_most, 7 * lead) * DAY).astype(
        np.int64
    )
    notice = np.maximum(leave_at - ahead, week.end) // 1_000_000 * 1_000_000
    gives_notice = ~prepaid & (draw("tells") < 0.9)
    ports = draw("port") < np.array(magnitudes.port_out_share)[kind]
    others = week.by_customer(week.active())[lines.customer[who]] > 1
    drops = (kind >= BROADBAND) & others
    how = np.select(
        [prepaid, ports, drops],
        [KINDS.index("inactivity"), KINDS.index("port_out"), KINDS.index("product_drop")],
        0,
    )
    shares = np.stack([cause[who] for cause in causes.values()], axis=1)
    going = who[leaves]
    state.quiet_from[going] = goes[leaves]
    state.leave_at[going] = leave_at[leaves]
    state.leave_how[going] = how[leaves]
    state.leave_why[who] = np.argmax(
        shares - np.array([np.mean(cause) for cause in causes.values()]), axis=1
    )
    state.notice_at[going] = np.where(gives_notice, notice, NEVER)[leaves]
    asks = (leaves & ports & gives_notice) | (~leaves & ports & (draw("asks in vain") < 0.06))
    _request_port(week, who[asks], notice[asks], leaves[asks])


def _request_port(week: Week, lines: Array, at: Array, leaves: Array) -> None:
    number = week.population.lines.number[lines]
    request = number * 10_000 + week.number
    week.rows.add("port_requests", number, at, request_id=request, subscription_id=lines, status=0)
    vain = ~leaves
    back = week.later("withdrawal", number[vain], at[vain] + HOUR, 6)
    week.rows.add(
        "port_requests",
        number[vain],
        back,
        request_id=request[vain],
        subscription_id=lines[vain],
        status=1,
    )


def leave(week: Week) -> None:
    """End the lines that leave this week, and those lost by fraud, moving or death."""
    magnitudes = week.parameters.churn
    lines, state = week.population.lines, week.state
    alive = (state.status != ENDED) & (state.status != PLANNED)
    going = np.flatnonzero(
        alive & state.leaves & (state.leave_at != NEVER) & (state.leave_at < week.end)
    )
    how = state.leave_how[going].astype(np.int64)
    ported = (how == KINDS.index("port_out")) & (state.notice_at[going] != NEVER)
    # A request from before the period is not told.
    ported &= state.wavering_from[going] > 0
    number = lines.number[going][ported]
    week.rows.add(
        "port_requests",
        number,
        state.leave_at[going][ported],
        request_id=number * 10_000 + state.wavering_from[going][ported] - 1,
        subscription_id=going[ported],
        status=2,
    )
    lose(week, going, how, state.leave_at[going])

    fresh = np.where(week.start - state.start_at < 26 * WEEK, 3.0, 0.4)
    age = week.population.customers.age[lines.customer]
    chances = np.stack(
        [
            np.array(magnitudes.fraud_a_week)[lines.kind] * fresh,
            np.array(magnitudes.moved_a_week)[lines.kind],
            np.array(magnitudes.deceased_a_week)[age] * ~lines.is_iot,
        ],
        axis=1,
    ).cumsum(axis=1)
    draw = week.uniform("involuntary")
    taken = np.flatnonzero(
        (state.status == ACTIVE) & (draw < chances[:, -1]) & (state.start_at < week.start)
    )
    which = (draw[taken][:, None] >= chances[taken]).sum(axis=1)
    code = np.array([KINDS.index(kind) for kind in ("fraud", "moved", "deceased")])[which]
    state.notice_at[taken] = NEVER
    lose(week, taken, code, week.random_time("involuntary loss", lines.number[taken]))


def lose(week: Week, lost: Array, how: Array, at: Array) -> None:
    """End lines: emit the loss, the end of service and its true cause.

    Parameters
    ----------
    week : Week
        The week being simulated.
    lost : array of int
        Positions of the lines.
    how : array of int
        Index of `KINDS`.
    at : array of int
        Time of the loss, in microseconds.
    """
    if len(lost) == 0:
        return
    lines, state = week.population.lines, week.state
    voluntary = how < len(VOLUNTARY_CHURN)
    inactive = how == KINDS.index("inactivity")
    week.rows.add(
        "churn_events",
        lines.number[lost],
        at,
        subscription_id=lost,
        churn=how,
        notice_at=np.where(voluntary, state.notice_at[lost], NEVER),
        ended_at=np.where(inactive, at + HOUR, at),
    )
    end_lines(week, lost, _REASON_OF[how], at)
    np.add.at(state.c_sibling, lines.household[lost[voluntary]], np.float32(1.0))
    week.truth.add(
        "losses",
        lines.number[lost],
        at,
        subscription_id=lost,
        churn=how,
        cause=np.where(voluntary, state.leave_why[lost], CAUSES.index("other")),
        decided_week=np.where(voluntary, state.wavering_from[lost], -1),
    )
