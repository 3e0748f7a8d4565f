"""Live features from states, as the SQL of their views computes them from raw tables."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from features.contracts.vocabulary import (
    ANY_CHANNEL,
    CONTACT_CHANNELS,
    INTERACTION_CHANNELS,
    ISSUES,
    OTHER,
    TICKETS_OVER,
)
from features.live.event import Event
from features.live.items import DAY, KINDS, REACH, Item, code, in_force, versions
from features.live.state import State

Values = tuple[float | None, ...]
"""Features of a view, in its order, rounded; None for missing."""

_ISSUE_WINDOW = 7 * DAY
_HOUR = DAY / 24
_CANCELLATION = code("interactions", "issue", "cancellation")
_PAID, _FAILED = code("payments", "status", "paid"), code("payments", "status", "failed")
_OPENED, _REOPENED = code("tickets", "status", "opened"), code("tickets", "status", "reopened")
_OVER = {code("tickets", "status", status) for status in TICKETS_OVER}
_UNLISTED_STEP = code("tickets", "status", OTHER)
_PLACED = code("orders", "status", "placed")
_DONE = {code("orders", "status", status) for status in ("completed", "cancelled")}
_MISSED = code("appointments", "status", "missed")
_LOGIN, _CANCEL_PAGE, _RATING = (
    code("app_events", "event", event) for event in ("login", "cancel_page", "rating")
)
_COMPLAINT, _FAULT = (
    code("tickets", "ticket_kind", "complaint"),
    code("tickets", "ticket_kind", "fault"),
)
_CSAT, _NPS, _CES = (code("survey_answers", "instrument", name) for name in ("csat", "nps", "ces"))
_OVERALL = code("survey_answers", "dimension", "overall")
_OFFERS, _SURVEYS, _PROFILING, _ANY_CONTACT = (
    code("consents", "purpose", name) for name in ("offers", "surveys", "profiling", "any_contact")
)
_GRANTED = code("consents", "state", "granted")
_CHANNELS = [code("consents", "channel", name) for name in CONTACT_CHANNELS]
_OF_ANY, _OF_OTHER = (code("consents", "channel", name) for name in (ANY_CHANNEL, OTHER))
_LEVELS = {level: code("incidents", "level", level) for level in ("cell", "region", "nation")}


def evaluate(kind: str, state: State, as_of: int) -> dict[str, Values]:
    """Live features of a subscription, account or customer, or of a customer in the app.

    Parameters
    ----------
    kind : str
        "subscription", "account", "customer" or "app". A cell has up to three states: see
        `evaluate_cell`.
    state : State
        What is known of it.
    as_of : int
        The cut-off, in microseconds since 1970: no more than `GRACE` before the state's time.

    Returns
    -------
    dict of str to tuple of (float or None)
        By view.
    """
    return {view: rounded(compute(state, as_of)) for view, compute in _VIEWS[kind].items()}


def account_of(customer_id: str, state: State, as_of: int) -> str:
    """Who pays for a customer."""
    known = in_force(KINDS["customers"], _arrived(state, "customers", as_of)).get(())
    return customer_id if known is None or known[2] is None else known[2]


def evaluate_contact(event: Event, customer: State, account: State, as_of: int) -> Values:
    """Features of a contact.

    Parameters
    ----------
    event : Event
        The first version of the interaction to arrive.
    customer, account : State
        What is known of who had it and of who pays.
    as_of : int
        The close.
    """
    row = event.row
    issue = code("interactions", "issue", str(row["issue"]))
    repeats = sum(
        item[3] == issue
        and item[2] != row["interaction_id"]
        and as_of - _ISSUE_WINDOW <= item[0] < as_of
        for item in _known(customer, "interactions", as_of)
    )
    started: int | None = row["started_at"]  # type: ignore[assignment]  # times are integers
    own = (
        _position(row["channel"], INTERACTION_CHANNELS),
        _position(row["issue"], ISSUES),
        row["wait_seconds"],
        None if started is None else (as_of - started) / 1e6,
        row["transfers"],
        row["abandoned"],
        row["resolved"],
        row["agent_id"] is not None,
        repeats,
    )
    values = (
        *own,
        *_service(customer, as_of),
        *_survey(customer, as_of),
        *_billing(account, as_of),
    )
    return rounded(values)


@dataclass(frozen=True)
class AreaIncidents:
    """What incidents of one area come to.

    Parameters
    ----------
    incidents_28d : int
        How many began in 28 days.
    hours_91d : float
        Hours of those that began in 91 days.
    last : int or None
        When the last of 182 days began.
    """

    incidents_28d: int
    hours_91d: float
    last: int | None


def evaluate_area(level: str, area_id: str, state: State, as_of: int) -> AreaIncidents:
    """What the incidents of a cell, region or the nation come to at a cut-off.

    The state holds all incidents that ever hit the area; where an incident lies is what arrived
    last.
    """
    incidents = in_force(KINDS["incidents"], _arrived(state, "incidents", as_of)).values()
    hits = [
        (started, ended)
        for _, _, _, where, area, started, ended in incidents
        if where == _LEVELS[level]
        and (level == "nation" or area == area_id)
        and as_of - REACH < started <= as_of
    ]
    hours = [
        max(0, (as_of if ended is None else min(ended, as_of)) - started) / DAY * 24
        for started, ended in hits
        if started > as_of - 91 * DAY
    ]
    begun = [started for started, _ in hits]
    return AreaIncidents(
        _later(begun, as_of - 28 * DAY), math.fsum(hours), max(begun, default=None)
    )


def evaluate_cell(incidents: Iterable[AreaIncidents], as_of: int) -> Values:
    """Features of a cell, from its own incidents, its region's and the nation's."""
    areas = list(incidents)
    last = max((area.last for area in areas if area.last is not None), default=None)
    return rounded(
        (
            sum(area.incidents_28d for area in areas),
            math.fsum(area.hours_91d for area in areas),
            _days(last, as_of),
        )
    )


def _position(value: object, names: Sequence[str]) -> int | None:
    """Position of a category among names; None for one that is in no list."""
    return names.index(str(value)) if value in names else None


def rounded(values: Iterable[float | None]) -> Values:
    """Values rounded as they are stored: to 9 and then 4 digits, halves away from zero.

    DuckDB rounds the same way.
    """
    return tuple(
        [
            value
            if value is None
            else float(value)
            if isinstance(value, int)
            else _half_away(_half_away(value, 1e9), 1e4)
            for value in values
        ]
    )


def _half_away(value: float, scale: float) -> float:
    size = abs(value) * scale
    whole = math.floor(size)
    return math.copysign((whole + (size - whole >= 0.5)) / scale, value)


def _arrived(state: State, table: str, as_of: int) -> list[Item]:
    return [item for item in state.items.get(table, ()) if item[0] + item[1] <= as_of]


def _known(state: State, table: str, as_of: int) -> list[Item]:
    """The versions that count, of the longest window."""
    oldest = as_of - REACH
    return [
        item for item in versions(KINDS[table], _arrived(state, table, as_of)) if item[0] > oldest
    ]


def _later(times: Iterable[int], than: int) -> int:
    return sum(time > than for time in times)


def _days(earlier: int | None, later: int | None) -> float | None:
    return None if earlier is None or later is None else (later - earlier) / DAY


def _median(values: list[float]) -> float:
    values, middle = sorted(values), len(values) // 2
    return (
        values[middle]
        if len(values) % 2
        else values[middle - 1] + (values[middle] - values[middle - 1]) * 0.5
    )


def _subscription(state: State, as_of: int) -> tuple[float | None, ...]:
    recharges = sorted(_known(state, "recharges", as_of))
    times = [item[0] for item in recharges]
    since = _days(times[-1], as_of) if times else None
    gap_ratio = None
    if since is not None and len(times) >= 3:
        median_gap = _median([(after - before) / DAY for before, after in pairwise(times)])
        gap_ratio = since / median_gap if median_gap else None
    plans = [item[2] for item in _history(state, "subscriptions", as_of)]
    held = [item[0] for item in _history(state, "subscriptions", as_of)]
    changes = sum(
        None not in (before, after) and before != after and time > as_of - REACH
        for time, (before, after) in zip(held[1:], pairwise(plans), strict=True)
    )
    return (
        _later(times, as_of - 28 * DAY),
        _later(times, as_of - 91 * DAY),
        math.fsum(item[2] for item in recharges if item[0] > as_of - 91 * DAY),
        since,
        gap_ratio,
        recharges[-1][3] if recharges else None,
        _days(as_of, recharges[-1][4]) if recharges else None,
        changes,
        *_price(state, as_of),
    )


def _price(state: State, as_of: int) -> tuple[float | None, ...]:
    changes = _known(state, "price_changes", as_of)
    if not changes:
        return (0, None, None)
    _, _, old, new, effective = max(changes, key=lambda item: item[0])
    share = None if old is None or new is None or old <= 0 else (new - old) / old
    return len(changes), share, _days(as_of, effective)


def _history(state: State, table: str, as_of: int) -> list[Item]:
    """States in the order in which they held.

    Of several that began at once, it is the one that arrived last.
    """
    last = {
        item[0]: item for item in sorted(_arrived(state, table, as_of), key=lambda item: item[:2])
    }
    return list(last.values())


def _billing(state: State, as_of: int) -> tuple[float | None, ...]:
    bills = sorted(_known(state, "bills", as_of), key=lambda item: (item[0], item[2]))
    amount = versus_own = out_of_bundle = discount_end = None
    if bills and bills[-1][0] > as_of - 91 * DAY:
        _, _, _, amount, out_of_bundle, discount_end, _ = bills[-1]
        before = _median([item[3] for item in bills[:-1]]) if len(bills) > 1 else 0
        versus_own = amount / before if before > 0 else None
    payments = _known(state, "payments", as_of)
    owed = in_force(KINDS["arrears"], _arrived(state, "arrears", as_of)).get(())
    return (
        amount,
        versus_own,
        out_of_bundle,
        _days(as_of, discount_end),
        sum(item[6] == 1 for item in bills),
        sum(item[3] == _PAID and item[4] is not None and item[4] > 0 for item in payments),
        sum(item[3] == _FAILED and item[0] > as_of - 91 * DAY for item in payments),
        owed[2] if owed else 0,
        _days(owed[3], as_of) if owed and owed[2] > 0 else 0,
        math.fsum(item[3] for item in _known(state, "refunds", as_of)),
    )


def _service(state: State, as_of: int) -> tuple[float | None, ...]:
    contacts = _known(state, "interactions", as_of)
    recent = [item for item in contacts if item[0] > as_of - 28 * DAY]
    times = [item[0] for item in contacts]
    repeats = sum(
        any(
            other[3] == item[3] and item[0] - _ISSUE_WINDOW <= other[0] < item[0]
            for other in contacts
        )
        for item in recent
    )
    waits = [item[4] for item in recent if item[4] is not None]
    return (
        _later(times, as_of - 7 * DAY),
        len(recent),
        len(contacts),
        _days(max(times, default=None), as_of),
        repeats,
        sum(item[7] == 0 for item in recent),
        sum(item[5] or 0 for item in recent),
        math.fsum(waits) / len(waits) if waits else None,
        sum(item[6] == 1 for item in recent),
        sum(item[3] == _CANCELLATION and item[0] > as_of - 91 * DAY for item in contacts),
        *_tickets(_known(state, "tickets", as_of), as_of),
    )


def _tickets(steps: list[Item], as_of: int) -> tuple[float, ...]:
    last: dict[str, Item] = {}
    opened: dict[str, int] = {}
    for step in steps:
        ticket, status = step[2], step[3]
        if status == _UNLISTED_STEP:
            continue  # it says nothing of whether the ticket is open
        if ticket not in last or (step[0], step[1], status) > (
            last[ticket][0],
            last[ticket][1],
            last[ticket][3],
        ):
            last[ticket] = step
        if status == _OPENED:
            opened[ticket] = min(step[0], opened.get(ticket, step[0]))
    still_open = [time for ticket, time in opened.items() if last[ticket][3] not in _OVER]
    recent = [step for step in steps if step[0] > as_of - 91 * DAY]
    return (
        len(still_open),
        (as_of - min(still_open)) / DAY if still_open else 0,
        sum(step[3] == _OPENED and step[4] == _COMPLAINT for step in recent),
        sum(step[3] == _OPENED and step[4] == _FAULT for step in recent),
        sum(step[3] == _REOPENED for step in recent),
    )


def _survey(state: State, as_of: int) -> tuple[float | None, ...]:
    answers = _known(state, "survey_answers", as_of)
    last: dict[int, Item] = {}
    for item in answers:
        instrument = item[3]
        if item[4] == _OVERALL and (
            instrument not in last
            or (item[0], item[2]) > (last[instrument][0], last[instrument][2])
        ):
            last[instrument] = item
    shares = {instrument: _share(item) for instrument, item in last.items()}
    return (
        _scaled(shares.get(_CSAT), 1, 4),
        _days(last[_CSAT][0], as_of) if _CSAT in last else None,
        _scaled(shares.get(_NPS), 0, 10),
        _scaled(shares.get(_CES), 1, 6),
        sum(share is not None and share <= 0.25 for share in map(_share, answers)),
        _days(max((item[0] for item in answers), default=None), as_of),
    )


def _share(answer: Item) -> float | None:
    *_, score, low, high = answer
    return (score - low) / (high - low) if high != low else None


def _scaled(share: float | None, low: int, width: int) -> float | None:
    return None if share is None else low + width * share


def _orders(state: State, as_of: int) -> tuple[float | None, ...]:
    appointments = _known(state, "appointments", as_of)
    steps = _known(state, "orders", as_of)
    placed = {item[2] for item in steps if item[3] == _PLACED}
    done = {item[2] for item in steps if item[3] in _DONE}
    return (sum(item[3] == _MISSED for item in appointments), len(placed - done))


def _app(state: State, as_of: int) -> tuple[float | None, ...]:
    seen = _known(state, "app_events", as_of)
    logins = [item[0] for item in seen if item[2] == _LOGIN]
    recent = _later(logins, as_of - 28 * DAY)
    ratings = [(item[0], item[3]) for item in seen if item[2] == _RATING and item[3] is not None]
    return (
        recent,
        recent / 4 - (len(logins) - recent) / 22,
        sum(item[2] == _CANCEL_PAGE and item[0] > as_of - 91 * DAY for item in seen),
        max(ratings)[1] if ratings else None,
    )


def _consent(state: State, as_of: int) -> tuple[float | None, ...]:
    kind = KINDS["consents"]
    said = in_force(kind, _arrived(state, "consents", as_of))

    def granted(purpose: int, channel: int) -> bool | None:
        known = [said[key] for key in {(purpose, channel), (purpose, _OF_ANY)} if key in said]
        return max(known, key=kind.rank)[4] == _GRANTED if known else None

    return (
        *(granted(_OFFERS, channel) for channel in _CHANNELS),
        *(granted(_SURVEYS, channel) for channel in _CHANNELS),
        *(granted(_ANY_CONTACT, channel) is False for channel in _CHANNELS),
        any(granted(_PROFILING, channel) is False for channel in (*_CHANNELS, _OF_OTHER, _OF_ANY)),
    )


_VIEWS: Mapping[str, Mapping[str, Callable[[State, int], tuple[float | None, ...]]]] = {
    "subscription": {"subscription_live": _subscription},
    "account": {"billing_live": _billing},
    "customer": {
        "service_live": _service,
        "survey_live": _survey,
        "order_live": _orders,
        "consent_live": _consent,
    },
    "app": {"app_live": _app},
}
