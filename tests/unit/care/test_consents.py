"""Laws of the consents in force: care's rule is the features' rule, in whatever order."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from care.consents import ConsentsInForce, strength
from care.policy import NO, UNKNOWN, YES
from features.contracts.vocabulary import ANY_CHANNEL, CONTACT_CHANNELS, OTHER
from features.fields import VIEWS
from features.live.evaluate import evaluate
from features.live.event import microseconds, read_event
from features.live.state import State, apply_event

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Said = tuple[str, str, str, bool, int]
"""Customer, purpose, channel, whether granted, days ago."""

statements = st.tuples(
    st.sampled_from(("a", "bb")),
    st.sampled_from(("offers", "any_contact", "profiling")),
    st.sampled_from(("sms", "email", OTHER, ANY_CHANNEL)),
    st.booleans(),
    st.integers(0, 3),
)
CUSTOMERS = np.array(["a", "bb", "never"])


def in_force(said: Sequence[Said]) -> ConsentsInForce:
    return ConsentsInForce.of(
        (customer, purpose, channel, strength(-days, is_granted=granted) + 10, 1)
        for customer, purpose, channel, granted, days in said
    )


def everything(consents: ConsentsInForce) -> list[list[int]]:
    return [
        *(consents.granted("offers", each, CUSTOMERS).tolist() for each in CONTACT_CHANNELS),
        *(consents.may_contact(each, CUSTOMERS).tolist() for each in CONTACT_CHANNELS),
        consents.permits("profiling", CUSTOMERS).tolist(),
    ]


@given(
    st.lists(statements, max_size=8).flatmap(
        lambda said: st.tuples(st.just(said), st.permutations([*said, *said[:2]]))
    )
)
def test_order_and_repetition_change_nothing(both: tuple[list[Said], list[Said]]) -> None:
    said, shuffled = both
    assert everything(in_force(said)) == everything(in_force(shuffled))


@given(st.lists(statements, max_size=8))
def test_it_is_the_rule_of_the_features(said: list[Said]) -> None:
    codes = {None: UNKNOWN, 0.0: NO, 1.0: YES}
    for place, customer in enumerate(CUSTOMERS.tolist()):
        state = State(0, {})
        for who, purpose, channel, granted, days in said:
            if who == customer:
                at = NOW - timedelta(days=days)
                row = {"customer_id": who, "purpose": purpose, "channel": channel}
                rest = {"state": "granted" if granted else "withdrawn", "arrived_at": at}
                state = apply_event(state, read_event("consents", row | rest | {"happened_at": at}))
        values = dict(
            zip(
                VIEWS["consent_live"].columns,
                evaluate("customer", state, microseconds(NOW))["consent_live"],
                strict=True,
            )
        )
        consents = in_force(said)
        for each in CONTACT_CHANNELS:
            granted_code = consents.granted("offers", each, CUSTOMERS)[place]
            assert granted_code == codes[values[f"offers_consent_{each}"]]
            refused = consents.may_contact(each, CUSTOMERS)[place] == NO
            assert refused == bool(values[f"do_not_contact_{each}"])
        objects = consents.permits("profiling", CUSTOMERS)[place] == NO
        assert objects == bool(values["profiling_objection"])
