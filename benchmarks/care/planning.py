"""How long planning takes: all triggers of the catalogue over a million lines.

``python -m benchmarks.care.planning [LINES]`` plans a campaign of each trigger's first action on made-up facts:
triggers, policy through every channel with its quiet hours, one line of each household, and arms. Messages
are ready at many times of a day and in several zones, which is harder than at one. The facts are given:
reading them from a home and writing the plan into the ledger are not measured here.
"""

import resource
import sys
import time

from benchmarks.care.people import care_facts
from benchmarks.report import show
from care.arms import Holdout
from care.campaign import Campaign
from care.catalogue import DEFAULT_CATALOGUE, read_catalogue
from care.jurisdiction import jurisdiction
from care.planning import Rules, make_plan
from care.policy import ContactLimits

LINES = 1_000_000
MOST_SECONDS, MOST_GB = 60, 3


def main(lines: int = LINES) -> None:
    """Print what planning takes."""
    law = jurisdiction("strict")
    catalogue = read_catalogue(DEFAULT_CATALOGUE, law)
    facts = care_facts(catalogue, lines)
    rules = Rules(
        jurisdiction=law,
        limits=ContactLimits(),
        holdout=Holdout(salt="salt of the benchmark", share=0.03),
        year=2026,
        care_is_halted=False,
    )
    rows, begun = [], time.process_time()
    for trigger in catalogue.triggers.values():
        action = catalogue.actions[trigger.actions[-1]]
        campaign = Campaign(
            campaign_id=trigger.code,
            action=action.code,
            triggers=(trigger.code,),
            begins_on="2026-03-01",
            ends_on="2026-03-31",
            control_share=0.2 if action.withholdable else 0.0,
            outcome_days=90,
            most_households=lines,
            priority=1,
        )
        start = time.process_time()
        counts = make_plan(campaign, catalogue, facts, rules).counts()
        rows.append(
            {
                "trigger": trigger.code,
                "action": action.code,
                "proposed": counts.proposed,
                "sent": counts.sent,
                "CPU s": time.process_time() - start,
            }
        )
    seconds = time.process_time() - begun
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    show(
        f"{len(rows)} triggers over {lines:,} lines: {seconds:.1f} CPU s (at most {MOST_SECONDS}),"
        f" {memory_gb:.2f} GB (at most {MOST_GB})",
        rows,
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:] if argument.isdigit()))
