"""The raw tables that an operator maps its own data onto, as pandera schemas.

Every row says when it happened and when it arrived, both in UTC: a feature as of a moment is
computed from the rows that had arrived by then, whatever became known later. Ids are strings,
leading zeros kept. There are two kinds of table:

- an *event* table has one row per thing that happened; a row with the same key that arrives later
  corrects the earlier one;
- a *state* table has one row per change: the row with the latest `happened_at` holds until the next
  one.

Only `customers` and `subscriptions` are required. A table that is absent disables the features it
feeds, by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow

Kind = Literal["event", "state"]
Use = Literal["features", "labels", "exclusion and reporting"]

HAPPENED, ARRIVED = "happened_at", "arrived_at"
CURRENCY = "currency"
"""The unit of amounts: the operator's own currency, the same in all tables, tax included."""

SEGMENTS = ("consumer", "sole_trader", "sme", "enterprise")
AGE_BANDS = ("under_18", "18_24", "25_34", "35_44", "45_54", "55_64", "65_74", "75_over")
PRODUCT_LINES = ("mobile", "broadband", "tv")
BILLING_TYPES = ("postpaid", "prepaid", "fixed")
STATUSES = ("active", "suspended", "ended")
STATUS_REASONS = (
    *("customer_request", "non_payment", "fraud", "inactivity", "moved", "deceased"),
    *("migration", "transfer", "sim_swap", "other"),
)
REPLACEMENTS = ("migration", "transfer", "sim_swap")
CONSENT_PURPOSES = ("offers", "surveys", "profiling", "any_contact")
CONTACT_CHANNELS = ("sms", "email", "app", "phone", "post", "store")
TIERS = ("none", "silver", "gold", "platinum")
APP_EVENTS = ("login", "bill_page", "plan_page", "cancel_page", "rating")
RECHARGE_CHANNELS = ("app", "web", "store", "voucher", "auto")
ORDER_KINDS = ("new_line", "plan_change", "device", "relocation", "repair", "other")
PAYMENT_METHODS = ("autopay", "card", "transfer", "cash", "other")
REFUND_REASONS = ("billing_error", "outage", "goodwill", "other")
INTERACTION_CHANNELS = ("phone", "ivr", "bot", "chat", "email", "app", "store", "social")
ISSUES = ("billing", "network", "technical", "plan", "cancellation", "device", "order", "other")
TICKET_CLASSES = ("attitude", "efficiency", "quality", "price", "other")
TICKET_KINDS = ("complaint", "fault", "request")
TICKET_STATUSES = ("opened", "responded", "resolved", "reopened", "closed")
INCIDENT_LEVELS = ("cell", "region", "nation")
SEVERITIES = ("minor", "major", "critical")
SURVEY_KINDS = ("relationship", "transactional")
TOUCHPOINTS = ("none", "phone", "bot", "chat", "store", "app", "repair", "installation", "bill")
INSTRUMENTS = ("csat", "nps", "ces")
DIMENSIONS = (
    "overall",
    "attitude",
    "response_speed",
    "quality",
    "support",
    "network_stability",
    "price_transparency",
)
ARMS = ("treatment", "control", "holdout")
OUTCOMES = ("accepted", "resolved", "retained", "churned", "answered", "complained", "opted_out")
VOLUNTARY_CHURN = ("cancellation", "port_out", "product_drop", "inactivity")
INVOLUNTARY_CHURN = ("non_payment", "fraud", "moved", "deceased")

_UTC = pyarrow.timestamp("us", "UTC")
_FIRST_MOMENT, _LAST_MOMENT = (
    pd.Timestamp("1900-01-01", tz="UTC"),
    pd.Timestamp("2262-01-01", tz="UTC"),
)


@dataclass(frozen=True)
class Table:
    """A raw table's contract.

    Parameters
    ----------
    name : str
        The table's name, and its file's.
    group : str
        What kind of thing it tells of.
    about : str
        What one row is.
    kind : {"event", "state"}
        See the module's description.
    key : tuple of str
        What one event, or the bearer of a state, is known by.
    schema : pandera.pandas.DataFrameSchema
        Columns with type (Arrow-backed, which is checked ten times faster than pandas' own),
        checks, null rule, description, and metadata: ``arrow`` (type), ``unit``, ``data_class`` and
        ``references`` (the table whose key the id must be found in, or None). A check's name is the
        stable code of its rule, its error the rule in words. A nullable column may be absent.
    use : {"features", "labels", "exclusion and reporting"}
        What may read it. Population, labels and contact policy may read every table; features only
        the first sort.
    required : bool
        Nothing can be computed without it.
    """

    name: str
    group: str
    about: str
    kind: Kind
    key: tuple[str, ...]
    schema: pa.DataFrameSchema
    use: Use = "features"
    required: bool = False

    @property
    def identity(self) -> tuple[str, ...]:
        """Columns that no two rows share: further rows are duplicates."""
        happened = (HAPPENED,) if self.kind == "state" and HAPPENED not in self.key else ()
        return (*self.key, *happened, ARRIVED)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.schema.columns)

    @property
    def arrow_schema(self) -> pyarrow.Schema:
        """The table's columns with their Arrow types."""
        return pyarrow.schema(
            [(name, column.metadata["arrow"]) for name, column in self.schema.columns.items()]
        )


def _column(
    type_: pyarrow.DataType,
    about: str,
    *checks: pa.Check,
    null: bool,
    unit: str,
    data_class: str = "none",
    references: str | None = None,
) -> pa.Column:
    metadata = {"arrow": type_, "unit": unit, "data_class": data_class, "references": references}
    return pa.Column(
        pd.ArrowDtype(type_), list(checks), nullable=null, description=about, metadata=metadata
    )


def _id(
    about: str, references: str | None = None, *, null: bool = False, data_class: str = "none"
) -> pa.Column:
    length = pa.Check.str_length(1, 120, name="length", error="must be 1 to 120 characters long")
    return _column(
        pyarrow.string(),
        about,
        length,
        null=null,
        unit="id",
        references=references,
        data_class=data_class,
    )


def _time(about: str, *, null: bool = True) -> pa.Column:
    # Feast and pandas count nanoseconds, which end in 2262; a far end such as 9999-12-31 stands for
    # none.
    years = pa.Check(
        lambda times: (times >= _FIRST_MOMENT) & (times < _LAST_MOMENT),
        name="year",
        error="must lie in the years 1900 to 2261; leave it empty where there is none",
    )
    return _column(_UTC, about, years, null=null, unit="UTC")


def _choice(
    about: str, values: Sequence[str], *, null: bool = False, data_class: str = "none"
) -> pa.Column:
    known = pa.Check.isin(
        list(values), name="category", error=f"must be one of {', '.join(values)}"
    )
    return _column(
        pyarrow.string(), about, known, null=null, unit="category", data_class=data_class
    )


def _flag(about: str, *, null: bool = True, data_class: str = "none") -> pa.Column:
    return _column(pyarrow.bool_(), about, null=null, unit="yes or no", data_class=data_class)


def _number(
    about: str,
    unit: str,
    low: float | None = 0,
    high: float | None = None,
    *,
    null: bool = True,
    data_class: str = "none",
) -> pa.Column:
    finite = pa.Check(lambda numbers: np.isfinite(numbers), name="finite", error="must be finite")
    return _column(
        pyarrow.float64(),
        about,
        *_between(low, high),
        finite,
        null=null,
        unit=unit,
        data_class=data_class,
    )


def _count(
    about: str, unit: str, high: int | None = None, *, null: bool = True, data_class: str = "none"
) -> pa.Column:
    return _column(
        pyarrow.int64(), about, *_between(0, high), null=null, unit=unit, data_class=data_class
    )


def _amount(about: str, low: float | None = 0, *, null: bool = True) -> pa.Column:
    return _number(about, CURRENCY, low, null=null)


def _between(low: float | None, high: float | None) -> list[pa.Check]:
    if low is not None and high is not None:
        return [
            pa.Check.in_range(
                low, high, name="range", error=f"must lie between {low:g} and {high:g}"
            )
        ]
    if low is not None:
        return [pa.Check.ge(low, name="range", error=f"must be {low:g} or more")]
    return []


def _table(
    name: str,
    group: str,
    about: str,
    kind: Kind,
    key: tuple[str, ...],
    columns: dict[str, pa.Column],
    **rest: Any,
) -> Table:
    order = pa.Check(
        lambda frame: (
            frame[ARRIVED].isna() | frame[HAPPENED].isna() | (frame[ARRIVED] >= frame[HAPPENED])
        ),
        name="arrival",
        error=f"{ARRIVED} must not lie before {HAPPENED}",
    )
    times = {
        HAPPENED: _time("When it happened or began to hold", null=False),
        ARRIVED: _time("When the row reached the operator's data platform", null=False),
    }
    schema = pa.DataFrameSchema(
        {**columns, **times},
        checks=[order],
        name=name,
        description=about,
        strict=False,
        coerce=False,
    )
    return Table(name=name, group=group, about=about, kind=kind, key=key, schema=schema, **rest)


def _customer(null: bool = False) -> pa.Column:
    return _id("The customer", "customers", null=null)


def _subscription(null: bool = False) -> pa.Column:
    return _id("The subscription", "subscriptions", null=null)


def _account() -> pa.Column:
    return _id("Who pays; the customer's own id where there are no accounts")


_WHO = (
    _table(
        "customers",
        "who",
        "A person or firm who consents, is contacted, and is satisfied or not",
        "state",
        ("customer_id",),
        {
            "customer_id": _id("The customer"),
            "household_id": _id(
                "People whose treatment spills over; the customer alone where unknown", null=True
            ),
            "account_id": _id("Who pays; the customer alone where unknown", null=True),
            "segment": _choice("Kind of customer", SEGMENTS),
            "region": _id(
                "Region of the home, as the operator names it", null=True, data_class="location"
            ),
            "time_zone": _id(
                "IANA time zone, such as Asia/Shanghai", null=True, data_class="location"
            ),
            "language": _id(
                "Language to write in, BCP 47, such as en, zh-Hans or zh-Hant", null=True
            ),
            "age_band": _choice("Age band", AGE_BANDS, null=True, data_class="special"),
            "accessibility_needs": _flag("Needs an accessible channel", data_class="special"),
            "first_seen_at": _time("Start of the first subscription ever"),
        },
        required=True,
    ),
    _table(
        "subscriptions",
        "who",
        "A line or service: what churns",
        "state",
        ("subscription_id",),
        {
            "subscription_id": _id("The subscription"),
            "customer_id": _customer(),
            "product_line": _choice("What is provided", PRODUCT_LINES),
            "billing_type": _choice("How it is paid; broadband and TV are fixed", BILLING_TYPES),
            "plan_id": _id("Its plan", "plans", null=True),
            "activated_at": _time("When service began", null=False),
            "plan_since_at": _time("When the present plan began"),
            "commitment_end_at": _time("End of the minimum term; null without one"),
            "promotion_end_at": _time("End of the promotional price; null without one"),
            "instalment_end_at": _time("Last device instalment; null without one"),
            "termination_fee": _amount("What leaving today would cost"),
            "autopay": _flag("Paid automatically"),
            "status": _choice("Whether it is in service", STATUSES),
            "status_reason": _choice("Why it is suspended or ended", STATUS_REASONS, null=True),
            "replaced_by": _id("The subscription that continues this one", null=True),
            "replacement": _choice(
                "How it was replaced: none of these is churn", REPLACEMENTS, null=True
            ),
            "home_cell_id": _id(
                "Cell, or exchange, that serves it at home", null=True, data_class="location"
            ),
            "is_test": _flag("The operator's own test line"),
            "is_employee": _flag("An employee's line"),
            "is_iot": _flag("Serves a machine, not a person"),
        },
        required=True,
    ),
    _table(
        "plans",
        "who",
        "A plan of the catalogue",
        "state",
        ("plan_id",),
        {
            "plan_id": _id("The plan"),
            "product_line": _choice("What it provides", PRODUCT_LINES),
            "billing_type": _choice("How it is paid", BILLING_TYPES),
            "monthly_fee": _amount("Fee per month of 30 days", null=False),
            "minutes_allowance": _number("Included per month; null for unlimited", "minutes"),
            "data_allowance_gb": _number("Included per month; null for unlimited", "GB"),
            "overage_per_minute": _amount("Price of a minute beyond the allowance"),
            "overage_per_gb": _amount("Price of a GB beyond the allowance"),
            "commitment_months": _count("Minimum term", "months", 120),
            "is_offered": _flag("Can be bought now"),
        },
    ),
    _table(
        "devices",
        "who",
        "The device a subscription is used with",
        "state",
        ("subscription_id",),
        {
            "subscription_id": _subscription(),
            "released_at": _time("When the model came to market"),
            "is_5g_capable": _flag("Can use 5G"),
            "is_dual_sim": _flag("Takes a second SIM"),
        },
    ),
    _table(
        "consents",
        "who",
        "A consent granted or withdrawn",
        "state",
        ("customer_id", "purpose", "channel"),
        {
            "customer_id": _customer(),
            "purpose": _choice(
                "`profiling` withdrawn is an objection to profiling, `any_contact` withdrawn is do-not-contact",
                CONSENT_PURPOSES,
            ),
            "channel": _choice("The channel meant, or `any`", (*CONTACT_CHANNELS, "any")),
            "state": _choice("What the customer said", ("granted", "withdrawn")),
        },
    ),
    _table(
        "loyalty",
        "who",
        "Standing in the loyalty programme",
        "state",
        ("customer_id",),
        {
            "customer_id": _customer(),
            "tier": _choice("Tier", TIERS),
            "points": _count("Points to spend", "points"),
        },
    ),
)

_DO = (
    _table(
        "usage_weeks",
        "what they do",
        "A subscription's use in a week",
        "event",
        ("subscription_id", "week_start_at"),
        {
            "subscription_id": _subscription(),
            "week_start_at": _time("Monday 00:00; `happened_at` is the week's end", null=False),
            "minutes": _number("Voice minutes", "minutes", data_class="traffic"),
            "data_gb": _number("Data", "GB", data_class="traffic"),
            "zero_use_days": _count("Days without any use", "days", 7, data_class="traffic"),
            "last_used_at": _time("Last use of any kind"),
            "unused_allowance": _number(
                "Share of the monthly data allowance not used, at the week's pace", "share", 0, 1
            ),
            "overage": _amount("Charged beyond the allowance"),
            "roaming_days": _count("Days abroad", "days", 7, data_class="location"),
        },
    ),
    _table(
        "network_weeks",
        "what they do",
        "What a subscription experienced of the network in a week",
        "event",
        ("subscription_id", "week_start_at"),
        {
            "subscription_id": _subscription(),
            "week_start_at": _time("Monday 00:00; `happened_at` is the week's end", null=False),
            "drop_days": _count(
                "Days with a dropped call or connection", "days", 7, data_class="traffic"
            ),
            "drops": _count("Dropped calls or connections", "drops", data_class="traffic"),
            "failed_setups": _count(
                "Calls or connections that could not be set up", "attempts", data_class="traffic"
            ),
            "voice_quality_mos": _number(
                "Mean opinion score of calls", "MOS", 1, 5, data_class="traffic"
            ),
            "throughput_peak_mbps": _number(
                "Median download speed in the busy hour", "Mbit/s", data_class="traffic"
            ),
            "latency_ms": _number("Median round trip", "ms", data_class="traffic"),
            "outage_minutes": _number(
                "Minutes without service", "minutes", 0, 10_080, data_class="traffic"
            ),
            "home_congestion": _number(
                "Share of busy hours in which the cell at home was congested",
                "share",
                0,
                1,
                data_class="location",
            ),
        },
    ),
    _table(
        "app_events",
        "what they do",
        "An event in the app or in self-service",
        "event",
        ("customer_id", "event", HAPPENED),
        {
            "customer_id": _customer(),
            "event": _choice("What was done", APP_EVENTS, data_class="traffic"),
            "rating": _count("Stars given; null unless a rating", "stars of 5", 5),
        },
    ),
    _table(
        "recharges",
        "what they do",
        "A prepaid recharge",
        "event",
        ("subscription_id", HAPPENED),
        {
            "subscription_id": _subscription(),
            "amount": _amount("Paid", null=False),
            "channel": _choice("Where", RECHARGE_CHANNELS, null=True),
            "balance_before": _amount("Balance just before", None),
            "valid_until_at": _time("When the balance expires"),
        },
    ),
    _table(
        "orders",
        "what they do",
        "A step of an order",
        "event",
        ("order_id", "status"),
        {
            "order_id": _id("The order"),
            "customer_id": _customer(),
            "subscription_id": _subscription(null=True),
            "order": _choice("What was ordered", ORDER_KINDS),
            "status": _choice("The step", ("placed", "completed", "cancelled")),
        },
    ),
    _table(
        "appointments",
        "what they do",
        "A step of an appointment with a technician or in a store",
        "event",
        ("appointment_id", "status", HAPPENED),
        {
            "appointment_id": _id("The appointment"),
            "customer_id": _customer(),
            "order_id": _id("The order it serves", null=True),
            "planned_at": _time("When it is or was to be"),
            "status": _choice(
                "The step; `missed` by the operator", ("planned", "rescheduled", "kept", "missed")
            ),
        },
    ),
    _table(
        "port_requests",
        "what they do",
        "A request to take the number to another operator",
        "event",
        ("request_id", "status"),
        {
            "request_id": _id("The request"),
            "subscription_id": _subscription(),
            "status": _choice("The step", ("requested", "withdrawn", "completed")),
        },
        use="exclusion and reporting",
    ),
)

_MONEY = (
    _table(
        "bills",
        "money",
        "A bill",
        "event",
        ("bill_id",),
        {
            "bill_id": _id("The bill"),
            "account_id": _account(),
            "due_at": _time("When it is to be paid"),
            "amount": _amount("To pay", None, null=False),
            "out_of_bundle": _amount("Part of it beyond what plans include"),
            "discount": _amount("Discount already taken off"),
            "discount_end_at": _time("When the discount ends; null without one"),
            "disputed": _flag(
                "The customer disputes it: a correction of the row as it first arrived"
            ),
        },
    ),
    _table(
        "payments",
        "money",
        "A payment, or an attempt that failed",
        "event",
        ("payment_id",),
        {
            "payment_id": _id("The payment"),
            "account_id": _account(),
            "bill_id": _id("The bill it pays", "bills", null=True),
            "amount": _amount("Paid, or tried"),
            "method": _choice("How", PAYMENT_METHODS, null=True),
            "status": _choice("Whether it went through", ("paid", "failed")),
            "days_late": _number("Days after the bill was due; 0 when in time", "days"),
        },
    ),
    _table(
        "arrears",
        "money",
        "What an account owes beyond its due dates",
        "state",
        ("account_id",),
        {
            "account_id": _account(),
            "amount": _amount("Overdue; 0 when settled", null=False),
            "oldest_due_at": _time("Due date of the oldest unpaid bill; null when settled"),
        },
    ),
    _table(
        "refunds",
        "money",
        "A refund or credit",
        "event",
        ("refund_id",),
        {
            "refund_id": _id("The refund"),
            "account_id": _account(),
            "amount": _amount("Given back", null=False),
            "reason": _choice("Why", REFUND_REASONS, null=True),
        },
    ),
    _table(
        "price_changes",
        "money",
        "Notice of a price change",
        "event",
        ("subscription_id", HAPPENED),
        {
            "subscription_id": _subscription(),
            "effective_at": _time("When the new price holds", null=False),
            "old_fee": _amount("Fee per month before"),
            "new_fee": _amount("Fee per month after"),
        },
    ),
)

_SERVICE = (
    _table(
        "interactions",
        "service",
        "A contact of a customer with the operator, in any channel, from its close on",
        "event",
        ("interaction_id",),
        {
            "interaction_id": _id("The contact"),
            "customer_id": _customer(),
            "subscription_id": _subscription(null=True),
            "channel": _choice("Where", INTERACTION_CHANNELS),
            "issue": _choice("What it was about", ISSUES),
            "started_at": _time("When the customer turned up; `happened_at` is the close"),
            "wait_seconds": _number("Waited before anybody answered", "seconds"),
            "transfers": _count("Times handed on", "transfers"),
            "abandoned": _flag("The customer gave up"),
            "resolved": _flag("Settled in this contact, as far as the operator knows"),
            "agent_id": _id("Who answered; null for a machine", null=True),
            "ticket_id": _id("The ticket it belongs to", null=True),
        },
    ),
    _table(
        "tickets",
        "service",
        "A step in a ticket's history",
        "event",
        ("ticket_id", "status", HAPPENED),
        {
            "ticket_id": _id("The ticket"),
            "customer_id": _customer(),
            "subscription_id": _subscription(null=True),
            "ticket_class": _choice("What the complaint is about", TICKET_CLASSES),
            "ticket_kind": _choice("What sort of ticket", TICKET_KINDS),
            "status": _choice("The step", TICKET_STATUSES),
            "text": _column(
                pyarrow.string(),
                "Short text; never leaves the feature layer",
                pa.Check.str_length(
                    0, 4_000, name="length", error="must be at most 4000 characters long"
                ),
                null=True,
                unit="text",
                data_class="special",
            ),
        },
    ),
    _table(
        "incidents",
        "service",
        "A network incident: each change of what is known of it",
        "state",
        ("incident_id",),
        {
            "incident_id": _id("The incident"),
            "level": _choice("What the area is", INCIDENT_LEVELS),
            "area_id": _id("The cell or region; null for the nation", null=True),
            "severity": _choice("How bad", SEVERITIES),
            "started_at": _time("When it began", null=False),
            "expected_end_at": _time("When it is to end, as told"),
            "ended_at": _time("When it ended; null while it lasts"),
        },
    ),
)

_FEEL = (
    _table(
        "survey_invitations",
        "how they feel",
        "An invitation to a survey, answered or not",
        "event",
        ("invitation_id",),
        {
            "invitation_id": _id("The invitation"),
            "customer_id": _customer(),
            "subscription_id": _subscription(null=True),
            "interaction_id": _id("The contact it follows", null=True),
            "survey": _choice("About the relationship or about one contact", SURVEY_KINDS),
            "channel": _choice("Sent through", CONTACT_CHANNELS),
            "touchpoint": _choice(
                "Where the contact was; `none` for a relationship survey", TOUCHPOINTS
            ),
            "sampling_probability": _number(
                "Probability with which this customer was to be invited",
                "probability",
                0,
                1,
                null=False,
            ),
            "delivered": _flag("Reached the customer"),
        },
    ),
    _table(
        "survey_answers",
        "how they feel",
        "One question answered",
        "event",
        ("invitation_id", "instrument", "dimension"),
        {
            "invitation_id": _id("The invitation", "survey_invitations"),
            "customer_id": _customer(),
            "survey": _choice("About the relationship or about one contact", SURVEY_KINDS),
            "instrument": _choice("CSAT, NPS or CES", INSTRUMENTS),
            "dimension": _choice("What was asked about", DIMENSIONS),
            "score": _number("The answer on its scale", "points", None, null=False),
            "scale_low": _number("Worst answer possible", "points", None, null=False),
            "scale_high": _number("Best answer possible", "points", None, null=False),
        },
    ),
)

_CARE = (
    _table(
        "care_contacts",
        "what we did and what came of it",
        "A care decision: somebody was contacted, or deliberately was not",
        "event",
        ("contact_id",),
        {
            "contact_id": _id("The decision"),
            "customer_id": _customer(),
            "subscription_id": _subscription(null=True),
            "campaign_id": _id("The campaign", null=True),
            "action": _id("The care action"),
            "channel": _choice("Sent through; null in control", CONTACT_CHANNELS, null=True),
            "arm": _choice("Arm of the experiment", ARMS),
            "propensity": _number(
                "Probability with which this arm was drawn; null when not randomised",
                "probability",
                0,
                1,
            ),
            "delivered": _flag("Reached the customer; null in control"),
        },
    ),
    _table(
        "care_outcomes",
        "what we did and what came of it",
        "What came of a care decision",
        "event",
        ("contact_id", "outcome"),
        {
            "contact_id": _id("The decision", "care_contacts"),
            "outcome": _choice("What is measured", OUTCOMES),
            "value": _number("1 or 0, or an amount", "as the outcome says", None, null=False),
            "matured_at": _time("When it is final", null=False),
        },
    ),
    _table(
        "churn_events",
        "what we did and what came of it",
        "A subscription lost: what models predict",
        "event",
        ("subscription_id", HAPPENED),
        {
            "subscription_id": _subscription(),
            "churn": _choice(
                "How; the last four are involuntary", (*VOLUNTARY_CHURN, *INVOLUNTARY_CHURN)
            ),
            "notice_at": _time("When the customer said so; null without notice"),
            "ended_at": _time("When service ended"),
        },
        use="labels",
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (*_WHO, *_DO, *_MONEY, *_SERVICE, *_FEEL, *_CARE)
}
"""All contracts by table name, in the order of the data dictionary."""
