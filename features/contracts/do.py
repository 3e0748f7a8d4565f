"""Raw tables of what customers do: use, network, app, recharges, orders and the like."""

from features.contracts.schema import (
    Table,
    amount,
    choice,
    count,
    customer,
    flag,
    identifier,
    number,
    subscription,
    table,
    time,
)
from features.contracts.vocabulary import (
    APP_EVENTS,
    HAPPENED,
    INTERACTION_CHANNELS,
    NOTICE_STEPS,
    ORDER_KINDS,
    PORT_STEPS,
    RECHARGE_CHANNELS,
)

DO: tuple[Table, ...] = (
    table(
        "usage_weeks",
        "what they do",
        "A subscription's use in a week",
        "event",
        ("subscription_id", "week_start_at"),
        {
            "subscription_id": subscription(),
            "week_start_at": time(
                "Monday 00:00 in the operator's time zone; `happened_at` is the week's end",
                null=False,
            ),
            "minutes": number("Voice minutes", "minutes", data_class="traffic"),
            "data_gb": number("Data", "GB", data_class="traffic"),
            "zero_use_days": count("Days without any use", "days", 7, data_class="traffic"),
            "last_used_at": time("Last use of any kind; null without one"),
            "unused_allowance": number(
                "Share of the monthly data allowance not used, at the week's pace; null without an"
                " allowance or a limit",
                "share",
                0,
                1,
            ),
            "overage": amount("Charged beyond the allowance"),
            "roaming_days": count("Days abroad", "days", 7, data_class="location"),
        },
    ),
    table(
        "usage_days",
        "what they do",
        "A subscription's use on a day, also on days without use",
        "event",
        ("subscription_id", "day_start_at"),
        {
            "subscription_id": subscription(),
            "day_start_at": time(
                "00:00 in the operator's time zone; `happened_at` is the day's end", null=False
            ),
            "minutes": number("Voice minutes", "minutes", data_class="traffic"),
            "data_gb": number("Data", "GB", data_class="traffic"),
            "is_used": flag(
                "Whether there was any use; null where minutes, data or a last use on the day say"
                " so",
                data_class="traffic",
            ),
            "last_used_at": time("Last use of any kind up to the day's end; null without one"),
            "data_allowance_gb": number(
                "Data included in a month; null without an allowance or a limit", "GB"
            ),
            "overage": amount("Charged beyond the allowance"),
            "is_roaming": flag("Whether the line was abroad", data_class="location"),
        },
    ),
    table(
        "network_weeks",
        "what they do",
        "What a subscription experienced of the network in a week",
        "event",
        ("subscription_id", "week_start_at"),
        {
            "subscription_id": subscription(),
            "week_start_at": time(
                "Monday 00:00 in the operator's time zone; `happened_at` is the week's end",
                null=False,
            ),
            "drop_days": count(
                "Days with a dropped call or connection", "days", 7, data_class="traffic"
            ),
            "drops": count("Dropped calls or connections", "drops", data_class="traffic"),
            "failed_setups": count(
                "Calls or connections that could not be set up", "attempts", data_class="traffic"
            ),
            "voice_quality_mos": number(
                "Mean opinion score of calls", "MOS", 1, 5, data_class="traffic"
            ),
            "throughput_peak_mbps": number(
                "Median download speed in the busy hour", "Mbit/s", data_class="traffic"
            ),
            "latency_ms": number("Median round trip", "ms", data_class="traffic"),
            "outage_minutes": number(
                "Minutes without service", "minutes", 0, 10_080, data_class="traffic"
            ),
            "home_congestion": number(
                "Share of busy hours in which the cell at home was congested",
                "share",
                0,
                1,
                data_class="location",
            ),
        },
    ),
    table(
        "app_events",
        "what they do",
        "An event in the app or in self-service",
        "event",
        ("customer_id", "event", HAPPENED),
        {
            "customer_id": customer(),
            "event": choice("What was done", APP_EVENTS, data_class="traffic"),
            "rating": count("Stars given; null unless a rating", "stars of 5", 5),
        },
    ),
    table(
        "recharges",
        "what they do",
        "A prepaid recharge",
        "event",
        ("subscription_id", HAPPENED),
        {
            "subscription_id": subscription(),
            "amount": amount("Paid", null=False),
            "channel": choice("Where", RECHARGE_CHANNELS, null=True),
            "balance_before": amount("Balance just before", None),
            "valid_until_at": time("When the balance expires; null where it does not"),
        },
    ),
    table(
        "orders",
        "what they do",
        "A step of an order",
        "event",
        ("order_id", "status"),
        {
            "order_id": identifier("The order"),
            "customer_id": customer(),
            "subscription_id": subscription(null=True),
            "order": choice("What was ordered", ORDER_KINDS),
            "status": choice("The step", ("placed", "completed", "cancelled")),
        },
    ),
    table(
        "appointments",
        "what they do",
        "A step of an appointment with a technician or in a store",
        "event",
        ("appointment_id", "status", HAPPENED),
        {
            "appointment_id": identifier("The appointment"),
            "customer_id": customer(),
            "order_id": identifier("The order it serves", null=True),
            "planned_at": time("When it is or was to be"),
            "status": choice(
                "The step; `missed` by the operator", ("planned", "rescheduled", "kept", "missed")
            ),
        },
    ),
    table(
        "port_requests",
        "what they do",
        "A request to take the number to another operator",
        "event",
        ("request_id", "status"),
        {
            "request_id": identifier("The request"),
            "subscription_id": subscription(),
            "status": choice("The step; a request is open from the first one on", PORT_STEPS),
        },
        use="exclusion and reporting",
    ),
    table(
        "notices",
        "what they do",
        "A customer's notice to end a subscription, or that it was taken back",
        "event",
        ("notice_id", "status"),
        {
            "notice_id": identifier("The notice"),
            "subscription_id": subscription(),
            "status": choice("The step", NOTICE_STEPS),
            "ends_at": time("When the subscription is to end"),
            "channel": choice("How it was given", INTERACTION_CHANNELS, null=True),
        },
        use="exclusion and reporting",
    ),
)
