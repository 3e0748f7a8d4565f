"""Raw tables of service: contacts with the operator, tickets, network incidents."""

from features.contracts.schema import (
    Table,
    choice,
    count,
    customer,
    flag,
    identifier,
    number,
    subscription,
    table,
    text,
    time,
)
from features.contracts.vocabulary import (
    AREA_KINDS,
    HAPPENED,
    INCIDENT_LEVELS,
    INTERACTION_CHANNELS,
    ISSUES,
    SEVERITIES,
    TICKET_CLASSES,
    TICKET_KINDS,
    TICKET_SOURCES,
    TICKET_STATUSES,
)

SERVICE: tuple[Table, ...] = (
    table(
        "interactions",
        "service",
        "A contact of a customer with the operator, in any channel, from its close on",
        "event",
        ("interaction_id",),
        {
            "interaction_id": identifier("The contact"),
            "customer_id": customer(),
            "subscription_id": subscription(null=True),
            "channel": choice("Where", INTERACTION_CHANNELS),
            "issue": choice("What it was about", ISSUES),
            "started_at": time("When the customer got in touch; `happened_at` is the close"),
            "wait_seconds": number("Waited before anybody answered", "seconds"),
            "transfers": count("Times handed on", "transfers"),
            "abandoned": flag("The customer gave up"),
            "resolved": flag("Settled in this contact, as far as the operator knows"),
            "agent_id": identifier("Who answered; null for a machine", null=True),
            "ticket_id": identifier("The ticket it belongs to", null=True),
        },
    ),
    table(
        "tickets",
        "service",
        "A step in a ticket's history",
        "event",
        ("ticket_id", "status", HAPPENED),
        {
            "ticket_id": identifier("The ticket"),
            "customer_id": customer(),
            "subscription_id": subscription(null=True),
            "ticket_class": choice("What the complaint is about", TICKET_CLASSES),
            "ticket_kind": choice("What sort of ticket", TICKET_KINDS),
            "status": choice("The step", TICKET_STATUSES),
            "severity": choice("How bad, as the operator ranks it", SEVERITIES, null=True),
            "due_at": time("When it is to be resolved; null without a promise"),
            "received_from": choice(
                "Through whom the complaint came: the operator's own channels, a regulator, a"
                " consumer body, a public hotline or the media",
                TICKET_SOURCES,
                null=True,
            ),
            "regulator_case_id": identifier("The regulator's number of the case", null=True),
            "regulator_received_at": time("When the regulator received it"),
            "regulator_due_at": time("When the regulator wants the answer"),
            "owner_id": identifier("The team or person who is to settle it", null=True),
            "area_kind": choice(
                "Where the customer has the trouble", AREA_KINDS, null=True, data_class="location"
            ),
            "text": text("Short text; never leaves the feature layer", 4_000, data_class="special"),
        },
    ),
    table(
        "incidents",
        "service",
        "A network incident: each change of what is known of it",
        "state",
        ("incident_id",),
        {
            "incident_id": identifier("The incident"),
            "level": choice("What the area is", INCIDENT_LEVELS),
            "area_id": identifier("The cell or region; null for the nation", null=True),
            "severity": choice("How bad", SEVERITIES),
            "started_at": time("When it began", null=False),
            "expected_end_at": time("When it is expected to end"),
            "ended_at": time("When it ended; null while it lasts"),
        },
    ),
)
