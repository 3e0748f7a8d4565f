"""Laws of consent: by purpose and channel, whatever the order in which rows arrive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from features.contracts.vocabulary import ANY_CHANNEL, CONTACT_CHANNELS, OTHER
from features.fields import VIEWS
from features.live.evaluate import evaluate
from features.live.event import Event, microseconds, read_event
from features.live.state import State, apply_event

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PURPOSES = ("offers", "surveys", "any_contact", "profiling")

Said = tuple[str, str, str, int, int]
"""Purpose, channel, state, days since it happened, days until it arrived."""

statements = st.tuples(
    st.sampled_from(PURPOSES),
    st.sampled_from(("sms", "email", OTHER, ANY_CHANNEL)),
    st.sampled_from(("granted", "withdrawn", OTHER)),
    st.integers(0, 3),
    st.integers(0, 9),
)


def event(said: Said) -> Event:
    purpose, channel, state, days, delay = said
    happened = NOW - timedelta(days=10 + days)
    row = {"customer_id": "c", "purpose": purpose, "channel": channel, "state": state}
    times = {"happened_at": happened, "arrived_at": happened + timedelta(days=delay)}
    return read_event("consents", row | times)


def features(said: Sequence[Said]) -> dict[str, float | None]:
    state = State(0, {})
    for one in said:
        state = apply_event(state, event(one))
    values = evaluate("customer", state, microseconds(NOW))["consent_live"]
    return dict(zip(VIEWS["consent_live"].columns, values, strict=True))


def holds(said: Sequence[Said], purpose: str, channel: str) -> float | None:
    """The rule once more, of all that was said."""
    of = [one for one in said if one[0] == purpose and one[1] in (channel, ANY_CHANNEL)]
    newest = [one for one in of if one[3] == min(each[3] for each in of)]
    if not newest:
        return None
    return 0.0 if any(one[2] != "granted" for one in newest) else 1.0


@given(
    st.lists(statements, max_size=8).flatmap(
        lambda said: st.tuples(st.just(said), st.permutations(said))
    )
)
def test_the_order_of_arrival_does_not_matter(both: tuple[list[Said], list[Said]]) -> None:
    said, shuffled = both
    assert features(said) == features(shuffled)


@given(st.lists(statements, max_size=8))
def test_what_was_said_last_of_a_channel_or_of_any_counts(said: list[Said]) -> None:
    expected: dict[str, float | None] = {}
    for channel in CONTACT_CHANNELS:
        expected[f"offers_consent_{channel}"] = holds(said, "offers", channel)
        expected[f"surveys_consent_{channel}"] = holds(said, "surveys", channel)
        refused = holds(said, "any_contact", channel) == 0
        expected[f"do_not_contact_{channel}"] = float(refused)
    objections = [
        holds(said, "profiling", each) for each in (*CONTACT_CHANNELS, OTHER, ANY_CHANNEL)
    ]
    assert features(said) == expected | {"profiling_objection": float(0 in objections)}


@given(st.lists(statements, max_size=5), statements)
def test_a_withdrawal_wins_over_what_was_granted_at_the_same_time(
    before: list[Said], one: Said
) -> None:
    purpose, _, _, days, delay = one
    both = [(purpose, "sms", state, days, delay) for state in ("withdrawn", "granted")]
    older = [said for said in before if said[3] >= days]
    values = features([*older, *both])
    if purpose == "offers":
        assert values["offers_consent_sms"] == 0
    if purpose == "any_contact":
        assert values["do_not_contact_sms"] == 1
    if purpose == "profiling":
        assert values["profiling_objection"] == 1


def test_a_yes_for_one_channel_is_no_yes_for_another() -> None:
    yes = ("offers", "sms", "granted", 1, 0)
    assert features([yes])["offers_consent_sms"] == 1
    for channel in CONTACT_CHANNELS[1:]:
        assert features([yes])[f"offers_consent_{channel}"] is None
    # Nor does it undo the withdrawal of another, and what is said of any is said of all.
    no = features([("offers", "sms", "withdrawn", 0, 0), ("offers", "email", "granted", 0, 0)])
    assert (no["offers_consent_sms"], no["offers_consent_email"]) == (0, 1)
    for state, days in product(("granted", "withdrawn"), (0, 2)):
        other = {"granted": "withdrawn", "withdrawn": "granted"}[state]
        said = [("offers", "sms", state, 1, 0), ("offers", ANY_CHANNEL, other, days, 0)]
        last = state if days else other
        assert features(said)["offers_consent_sms"] == (last == "granted")
        assert features(said)["offers_consent_post"] == (other == "granted")
