"""Raw tables of what we did and what came of it: care contacts, their outcomes, churn."""

from features.contracts.schema import (
    Table,
    choice,
    customer,
    flag,
    identifier,
    number,
    subscription,
    table,
    time,
)
from features.contracts.vocabulary import (
    ARMS,
    CONTACT_CHANNELS,
    HAPPENED,
    INVOLUNTARY_CHURN,
    OUTCOMES,
    VOLUNTARY_CHURN,
)

CARE: tuple[Table, ...] = (
    table(
        "care_contacts",
        "what we did and what came of it",
        "A care decision: somebody was contacted, or deliberately was not",
        "event",
        ("contact_id",),
        {
            "contact_id": identifier("The decision"),
            "customer_id": customer(),
            "subscription_id": subscription(null=True),
            "campaign_id": identifier("The campaign", null=True),
            "action": identifier("The care action"),
            "channel": choice("Sent through; null in control", CONTACT_CHANNELS, null=True),
            "arm": choice("Arm of the experiment", ARMS),
            "propensity": number(
                "Probability with which this arm was drawn; null when not randomised",
                "probability",
                0,
                1,
            ),
            "delivered": flag("Reached the customer; null in control"),
        },
    ),
    table(
        "care_outcomes",
        "what we did and what came of it",
        "What came of a care decision",
        "event",
        ("contact_id", "outcome"),
        {
            "contact_id": identifier("The decision", "care_contacts"),
            "outcome": choice("What is measured", OUTCOMES),
            "value": number("1 or 0, or an amount", "depends on the outcome", None, null=False),
            "matured_at": time("When it is final", null=False),
        },
    ),
    table(
        "churn_events",
        "what we did and what came of it",
        "A subscription lost: what models predict",
        "event",
        ("subscription_id", HAPPENED),
        {
            "subscription_id": subscription(),
            "churn": choice(
                "How; the last four are involuntary", (*VOLUNTARY_CHURN, *INVOLUNTARY_CHURN)
            ),
            "notice_at": time("When the customer gave notice; null without"),
            "ended_at": time("When service ended"),
        },
        use="labels",
    ),
)
