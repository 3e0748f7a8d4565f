"""How many proposals the contact policy judges in a second of one core.

``python -m benchmarks.care.policy [PROPOSALS]``: a million made-up proposals of an offer by SMS and of one by
phone, in three zones and in unknown ones, for every jurisdiction; all rules asked of each.
"""

import sys
import time

import numpy as np

from benchmarks.care.people import policy_facts
from benchmarks.report import show
from care.jurisdiction import jurisdiction
from care.policy import ContactLimits, PolicyQuestion, judge

PROPOSALS = 1_000_000
WANTED = 1_000_000
"""Judgements a second of CPU."""

_ROUNDS = 3


def measured(place: str, channel: str, proposals: int) -> dict[str, object]:
    """A row of the table."""
    facts = policy_facts(proposals)
    question = PolicyQuestion(
        action_class="offer",
        uses_profiling=True,
        cool_down_days=90,
        channel=channel,
        jurisdiction=jurisdiction(place),
        limits=ContactLimits(),
    )
    judge(facts.taken(np.arange(10)), question)
    seconds = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        refusals = judge(facts, question)
        seconds.append(time.process_time() - start)
    return {
        "jurisdiction": place,
        "channel": channel,
        "proposals": proposals,
        "allowed": int(refusals.allowed.sum()),
        "CPU s": min(seconds),
        "judgements a CPU s": round(proposals / min(seconds)),
    }


def main(proposals: int = PROPOSALS) -> None:
    """Print how fast the policy is."""
    show(
        f"Contact policy, best of {_ROUNDS}; wanted: {WANTED:,} judgements a CPU second",
        [
            measured(place, channel, proposals)
            for place in ("strict", "EU", "US")
            for channel in ("sms", "phone")
        ],
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:] if argument.isdigit()))
