"""Bills, payments, arrears and refunds of accounts."""

import numpy as np

from features.contracts.vocabulary import (
    INVOLUNTARY_CHURN,
    PAYMENT_METHODS,
    REFUND_REASONS,
    STATUS_REASONS,
    VOLUNTARY_CHURN,
)
from simulator.weekly.churn import lose
from simulator.weekly.lifecycle import emit_lines
from simulator.weekly.state import ACTIVE, ENDED, PLANNED, SUSPENDED
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, HOUR, NEVER, days_of_month, start_of
from simulator.world.draws import Array
from simulator.world.parameters import PREPAID

_NON_PAYMENT = STATUS_REASONS.index("non_payment")


def bill(week: Week) -> None:
    """Bill the accounts whose billing day lies in the week; they pay in time, late or not at all."""
    magnitudes = week.parameters.billing
    lines, state, accounts = week.population.lines, week.state, week.population.accounts
    first = int(week.population.customers.number[0])
    state.a_shock *= 0.86
    dates = days_of_month(week.number)
    due_now = np.isin(accounts.bill_day, dates)
    billed = (
        ((state.status == ACTIVE) | (state.status == SUSPENDED))
        & (lines.kind != PREPAID)
        & (state.start_at < week.start)
    )
    billed &= due_now[lines.account]
    discount = np.where(state.promo_end > week.number, state.discount * state.fee, 0.0) * billed
    fees = week.by_account(state.fee * billed)
    off = week.by_account(discount)
    over = week.by_account(state.cycle_overage * billed)
    for cycle in (state.cycle_data, state.cycle_minutes, state.cycle_overage):
        cycle[due_now[lines.account]] = 0
    draw = week.uniform_by_customer("one-off")
    one_off = magnitudes.one_off_amount * np.exp(
        0.5 * week.draws.normal("one-off size", week.number, week.people)
    )
    over = np.round(over + np.where(draw < magnitudes.one_off_chance, one_off, 0.0), 2)
    amount = np.round(fees - off + over, 2)
    who = np.flatnonzero(fees > 0)
    if len(who) == 0:
        return
    unexpected = over[who] - state.a_usual[who]
    ratio = 1 + unexpected / np.maximum(amount[who] - over[who], 8)
    shock = np.where(
        (ratio > magnitudes.shock_ratio) & (unexpected > 4), np.clip(ratio - 1, 0, 1.5), 0
    )
    state.a_usual[who] = 0.6 * state.a_usual[who] + 0.4 * over[who]
    state.a_shock[who] = np.maximum(state.a_shock[who], shock)
    _feel(week, who, shock)

    day = np.argmax(accounts.bill_day[who][:, None] == dates[None, :], axis=1)
    at = week.start + day.astype(np.int64) * DAY + 2 * HOUR
    due_at = at + magnitudes.due_days * DAY
    number = (who + first) * 10_000 + week.number
    last_discount = np.full(week.people, -1)
    np.maximum.at(last_discount, lines.account[discount > 0], state.promo_end[discount > 0])
    columns = {
        "bill_id": number,
        "account_id": who,
        "due_at": due_at,
        "amount": amount[who],
        "out_of_bundle": over[who],
        "discount": np.round(off[who], 2),
        "discount_end_at": np.where(last_discount[who] >= 0, start_of(last_discount[who]), NEVER),
        "disputed": np.zeros(len(who), dtype=bool),
    }
    week.rows.add("bills", who + first, at, **columns)
    _dispute(week, who + first, at, shock, columns)
    _pay(week, who, number, amount[who], due_at)


def _feel(week: Week, accounts: Array, shock: Array) -> None:
    """Let a bill affect all customers who share the account, and make some of them call."""
    customers = week.population.customers
    wide, billed = np.zeros(week.people), np.zeros(week.people)
    wide[accounts], billed[accounts] = shock, 1.0
    payer = customers.account - customers.number[0]
    week.shock -= week.parameters.satisfaction.bill_shock * np.minimum(wide[payer], 1.2)
    service = week.parameters.service
    week.contact_rate[:, 0] += service.on_bill * billed + service.on_shock * np.minimum(wide, 1.0)


def _dispute(week: Week, key: Array, at: Array, shock: Array, columns: dict[str, Array]) -> None:
    """Let some bill shocks be disputed: the row is corrected days later, with a possible refund."""
    draw = week.draws.at("dispute", key, week.number)
    disputed = draw < week.parameters.billing.dispute_chance * (shock > 0) + 0.0008
    disputed_at = week.later("dispute", key[disputed], at[disputed] + 3 * DAY, 17)
    week.rows.correct(
        "bills",
        at[disputed],
        disputed_at,
        **{name: value[disputed] for name, value in columns.items()}
        | {"disputed": np.ones(len(disputed_at), bool)},
    )
    given = week.draws.at("dispute won", key[disputed]) < 0.55
    refund(
        week,
        key[disputed][given],
        columns["account_id"][disputed][given],
        np.round(0.7 * columns["out_of_bundle"][disputed][given] + 2, 2),
        "billing_error",
        disputed_at[given] + 2 * DAY,
    )


def refund(week: Week, key: Array, accounts: Array, amount: Array, reason: str, at: Array) -> None:
    """Give money back to accounts (positions in the block)."""
    code = REFUND_REASONS.index(reason)
    week.rows.add(
        "refunds",
        key,
        at,
        refund_id=(key * 10_000 + week.number) * len(REFUND_REASONS) + code,
        account_id=accounts,
        amount=amount,
        reason=np.full(len(key), code),
    )


def _pay(week: Week, who: Array, number: Array, amount: Array, due_at: Array) -> None:
    magnitudes = week.parameters.billing
    state, accounts = week.state, week.population.accounts
    key = who + int(week.population.customers.number[0])
    _default(week, who, amount, due_at)
    pays = ~state.a_default[who]
    by_hand = ~accounts.autopay[who]
    draw, size = (
        week.draws.at("payment", key, week.number),
        week.draws.at("lateness", key, week.number),
    )
    risk = np.exp(0.6 * accounts.risk[who])
    late = (
        draw < np.where(by_hand, magnitudes.late_chance_by_hand, magnitudes.autopay_failure) * risk
    )
    days_late = np.where(late, np.clip(np.ceil(1.5 * np.exp(1.1 * 2.2 * (size - 0.3))), 1, 26), 0)
    early = np.where(by_hand & ~late, size * 9, 0)
    paid_at = due_at + ((days_late - early) * DAY).astype(np.int64) // 1_000_000 * 1_000_000
    fails = pays & (late & ~by_hand | (draw > 0.995))
    common = {
        "account_id": who,
        "bill_id": number,
        "amount": amount,
        "method": accounts.method[who],
    }
    failed = {name: value[fails] for name, value in common.items()}
    week.rows.add(
        "payments",
        key[fails],
        due_at[fails],
        payment_id=number[fails] * 4,
        **failed,
        status=1,
        days_late=np.nan,
    )
    paid = {name: value[pays] for name, value in common.items()}
    week.rows.add(
        "payments",
        key[pays],
        paid_at[pays],
        payment_id=number[pays] * 4 + 1,
        **paid,
        status=0,
        days_late=days_late[pays],
    )
    owes = np.flatnonzero(pays & (days_late > 3))
    _emit_arrears(week, who[owes], due_at[owes] + 3 * DAY, amount[owes], due_at[owes])
    _emit_arrears(week, who[owes], paid_at[owes], np.zeros(len(owes)), np.full(len(owes), NEVER))


def _emit_arrears(week: Week, accounts: Array, at: Array, amount: Array, oldest: Array) -> None:
    key = accounts + int(week.population.customers.number[0])
    week.rows.add(
        "arrears", key, at, account_id=accounts, amount=np.round(amount, 2), oldest_due_at=oldest
    )


def _default(week: Week, who: Array, amount: Array, due_at: Array) -> None:
    """Let some accounts stop paying: arrears, suspension and at last loss, unless they pay before."""
    magnitudes = week.parameters.billing
    state, accounts, lines = week.state, week.population.accounts, week.population.lines
    key = who + int(week.population.customers.number[0])
    chance = 4.35 * magnitudes.default_chance_a_week * np.exp(0.8 * accounts.risk[who])
    chance *= np.where(accounts.autopay[who], 1.0, magnitudes.default_without_autopay)
    state.a_default[who] |= week.draws.at("default", key, week.number) < chance
    broke = state.a_default[who]
    cured = (
        broke
        & (state.a_unpaid[who] > 0)
        & (week.draws.at("cure", key, week.number) < magnitudes.cure_chance_a_bill)
    )
    _cure(week, who[cured])
    stays = broke & ~cured
    debtors = who[stays]
    state.a_unpaid[debtors] += 1
    state.a_owed[debtors] += amount[stays]
    unknown = state.a_oldest_due[debtors] == NEVER
    state.a_oldest_due[debtors] = np.where(unknown, due_at[stays], state.a_oldest_due[debtors])
    _emit_arrears(
        week, debtors, due_at[stays] + DAY, state.a_owed[debtors], state.a_oldest_due[debtors]
    )

    unpaid = np.where(state.a_default, state.a_unpaid, 0)[lines.account]
    touched = np.zeros(week.people, dtype=bool)
    touched[debtors] = True
    touched_lines = touched[lines.account] & (lines.kind != PREPAID)
    suspended = np.flatnonzero(
        touched_lines & (unpaid == magnitudes.unpaid_to_suspend) & (state.status == ACTIVE)
    )
    state.status[suspended] = SUSPENDED
    state.reason[suspended] = _NON_PAYMENT
    emit_lines(week, suspended, week.random_time("suspension", lines.number[suspended]))
    alive = (state.status != ENDED) & (state.status != PLANNED)
    lost = np.flatnonzero(touched_lines & (unpaid >= magnitudes.unpaid_to_end) & alive)
    how = len(VOLUNTARY_CHURN) + INVOLUNTARY_CHURN.index("non_payment")
    lose(week, lost, np.full(len(lost), how), week.random_time("disconnection", lines.number[lost]))


def _cure(week: Week, accounts: Array) -> None:
    """Let defaulting accounts pay all they owe, and restore their lines."""
    state, lines = week.state, week.population.lines
    key = accounts + int(week.population.customers.number[0])
    at = week.random_time("cure", key)
    week.rows.add(
        "payments",
        key,
        at,
        payment_id=(key * 10_000 + week.number) * 4 + 2,
        account_id=accounts,
        bill_id=np.full(len(key), -1),
        amount=np.round(state.a_owed[accounts], 2),
        method=np.full(len(key), PAYMENT_METHODS.index("card")),
        status=0,
        days_late=np.floor((at - state.a_oldest_due[accounts]) / DAY).clip(0),
    )
    state.a_owed[accounts] = 0
    state.a_unpaid[accounts] = 0
    state.a_oldest_due[accounts] = NEVER
    state.a_default[accounts] = False
    _emit_arrears(week, accounts, at, np.zeros(len(key)), np.full(len(key), NEVER))
    cured = np.zeros(week.people, dtype=bool)
    cured[accounts] = True
    back = np.flatnonzero(cured[lines.account] & (state.status == SUSPENDED))
    state.status[back] = ACTIVE
    state.reason[back] = -1
    paid_at = np.zeros(week.people, dtype=np.int64)
    paid_at[accounts] = at
    emit_lines(week, back, paid_at[lines.account[back]] + HOUR)
