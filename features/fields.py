"""What is known of a subscription, customer, account, cell and contact: every feature, with all
that must be said of it.

Windows reach back from the cut-off: ``_28d`` is the 28 days before and up to it. ``_vs_own``
compares the last 28 days with the same subscription's 22 weeks before them, ``_vs_region`` with the
median of its region and product line. A count is 0 where its tables are there and nothing happened;
a mean, a ratio or a last value is null where there is nothing to take it from. Where a week has no
row, nothing is known of it. A week's row arrives after its end: windows over weekly tables end a
day before the cut-off, so that every night sees as many weeks as any other.

Feast's objects are made from this list in `features.operator.definitions`; it knows no Feast
itself, so that it is read in no time.
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["increasing", "decreasing", "none"]

ENTITIES: dict[str, str] = {
    "subscription": "subscription_id",
    "customer": "customer_id",
    "account": "account_id",
    "cell": "cell_id",
    "contact": "interaction_id",
}
"""Entities and their join keys."""

DRIVERS = ("network", "price", "service", "contract", "usage", "relationship")
"""Parts of the service that drive churn and dissatisfaction."""


@dataclass(frozen=True)
class Feature:
    """One feature.

    Parameters
    ----------
    name, about, unit : str
        What it is called, what it says, and what its number counts.
    driver : str
        Part of the service it tells of: network, price, service, contract, usage or relationship.
    actionable : bool
        Care can change it.
    churn, dissatisfaction : {"increasing", "decreasing", "none"}
        How the risk can move when the value grows, where that can be argued.
    reason : str
        Key of the words that tell a person about it; features that mean the same share one.
    live : bool
        Events update it between builds.
    data_class : str
        traffic, location, special or none.
    tables : tuple of str
        Raw tables it needs: where one is absent, the feature is missing, by name.
    """

    name: str
    about: str
    unit: str
    driver: str
    actionable: bool
    churn: Direction
    dissatisfaction: Direction
    reason: str
    live: bool
    data_class: str
    tables: tuple[str, ...]

    @property
    def tags(self) -> dict[str, str]:
        """All that Feast's field keeps of it beside name and description."""
        return {
            "unit": self.unit,
            "driver": self.driver,
            "actionable": "yes" if self.actionable else "no",
            "direction.churn": self.churn,
            "direction.dissatisfaction": self.dissatisfaction,
            "reason": self.reason,
            "live": "yes" if self.live else "no",
            "data_class": self.data_class,
            "tables": ",".join(self.tables),
        }


@dataclass(frozen=True)
class View:
    """Features of one entity that are built, stored and read together."""

    name: str
    entity: str
    features: tuple[Feature, ...]

    @property
    def join_key(self) -> str:
        """The entity's id column."""
        return ENTITIES[self.entity]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)


@dataclass(frozen=True)
class _Kind:
    """What most features of a view have in common."""

    driver: str
    tables: str
    live: bool = False
    data_class: str = "none"


def _field(
    kind: _Kind,
    name: str,
    about: str,
    unit: str,
    reason: str,
    *,
    actionable: bool = False,
    churn: Direction = "none",
    dissatisfaction: Direction = "none",
    driver: str | None = None,
    tables: str | None = None,
    data_class: str | None = None,
) -> Feature:
    return Feature(
        name=name,
        about=about,
        unit=unit,
        driver=driver or kind.driver,
        actionable=actionable,
        churn=churn,
        dissatisfaction=dissatisfaction,
        reason=reason,
        live=kind.live,
        data_class=data_class or kind.data_class,
        tables=tuple((tables or kind.tables).split(",")),
    )


_c = _Kind("contract", "subscriptions,customers")
_PLAN, _FIT = "subscriptions,plans", "subscriptions,plans,usage_weeks"
CONTRACT = (
    _field(
        _c,
        "billing_type_code",
        "Position in BILLING_TYPES: postpaid 0, prepaid 1, fixed 2",
        "code",
        "billing_type",
    ),
    _field(
        _c,
        "product_line_code",
        "Position in PRODUCT_LINES: mobile 0, broadband 1, tv 2",
        "code",
        "product_line",
    ),
    _field(
        _c,
        "segment_code",
        "Position in SEGMENTS: consumer 0, sole trader 1, sme 2, enterprise 3",
        "code",
        "segment",
    ),
    _field(
        _c,
        "tenure_days",
        "Since the subscription was activated",
        "days",
        "tenure",
        driver="relationship",
    ),
    _field(
        _c,
        "customer_tenure_days",
        "Since the customer's first subscription ever",
        "days",
        "tenure",
        driver="relationship",
    ),
    _field(_c, "plan_age_days", "Since the present plan began", "days", "plan_age"),
    _field(
        _c,
        "days_to_commitment_end",
        "Until the minimum term ends; null without one or after it",
        "days",
        "commitment",
    ),
    _field(
        _c,
        "days_out_of_commitment",
        "Since the minimum term ended; null without one or before",
        "days",
        "commitment",
        actionable=True,
    ),
    _field(
        _c,
        "days_to_promotion_end",
        "Until the promotional price ends, negative after; null without",
        "days",
        "promotion_end",
        actionable=True,
    ),
    _field(
        _c,
        "days_to_instalment_end",
        "Until the device is paid for; null without or after",
        "days",
        "instalments",
    ),
    _field(_c, "termination_fee", "What leaving would cost", "currency", "termination_fee"),
    _field(_c, "autopay", "1 when paid automatically", "yes or no", "autopay", driver="price"),
    _field(
        _c,
        "monthly_fee",
        "Fee of the present plan",
        "currency per month",
        "fee",
        driver="price",
        tables=_PLAN,
    ),
    _field(
        _c,
        "saving_on_best_plan",
        "Cost of the last 91 days' use on the present plan minus on the cheapest offered one of its kind, at least 0",
        "currency per month",
        "plan_fit",
        actionable=True,
        driver="price",
        tables=_FIT,
    ),
    _field(
        _c,
        "saving_share",
        "That saving as a share of the cost on the present plan",
        "share",
        "plan_fit",
        actionable=True,
        driver="price",
        tables=_FIT,
    ),
    _field(
        _c,
        "price_change_share",
        "Last announced price change in 182 days, as a share of the old fee",
        "share",
        "price_change",
        actionable=True,
        driver="price",
        tables="price_changes",
    ),
    _field(
        _c,
        "days_to_price_change",
        "Until that change takes effect, negative after",
        "days",
        "price_change",
        driver="price",
        tables="price_changes",
    ),
    _field(
        _c,
        "device_age_days",
        "Since the device's model came to market",
        "days",
        "device",
        actionable=True,
        tables="devices",
    ),
    _field(
        _c,
        "device_is_5g",
        "1 when the device can use 5G",
        "yes or no",
        "device",
        actionable=True,
        tables="devices",
    ),
    _field(
        _c,
        "device_is_dual_sim",
        "1 when the device takes a second SIM",
        "yes or no",
        "dual_sim",
        tables="devices",
    ),
)

_u = _Kind("usage", "usage_weeks", data_class="traffic")
_REGION = "usage_weeks,customers,subscriptions"
USAGE = (
    _field(
        _u,
        "minutes_7d",
        "Voice minutes per week, mean over 7 days",
        "minutes per week",
        "voice_use",
    ),
    _field(
        _u,
        "minutes_28d",
        "Voice minutes per week, mean over 28 days",
        "minutes per week",
        "voice_use",
    ),
    _field(
        _u,
        "minutes_91d",
        "Voice minutes per week, mean over 91 days",
        "minutes per week",
        "voice_use",
    ),
    _field(
        _u,
        "minutes_182d",
        "Voice minutes per week, mean over 182 days",
        "minutes per week",
        "voice_use",
    ),
    _field(
        _u,
        "minutes_28d_vs_own",
        "Ratio of the last 28 days' weekly mean to the 22 weeks before",
        "ratio",
        "voice_decline",
    ),
    _field(
        _u,
        "minutes_28d_vs_region",
        "Ratio of the last 28 days' weekly mean to the region's median",
        "ratio",
        "voice_use",
        tables=_REGION,
    ),
    _field(
        _u,
        "minutes_trend_91d",
        "Least-squares slope per week over 91 days, as a share of the mean",
        "share per week",
        "voice_decline",
    ),
    _field(
        _u,
        "minutes_volatility_91d",
        "Standard deviation over weeks of 91 days, as a share of the mean",
        "share",
        "voice_volatility",
    ),
    _field(_u, "data_gb_7d", "Data per week, mean over 7 days", "GB per week", "data_use"),
    _field(_u, "data_gb_28d", "Data per week, mean over 28 days", "GB per week", "data_use"),
    _field(_u, "data_gb_91d", "Data per week, mean over 91 days", "GB per week", "data_use"),
    _field(_u, "data_gb_182d", "Data per week, mean over 182 days", "GB per week", "data_use"),
    _field(
        _u,
        "data_gb_28d_vs_own",
        "Ratio of the last 28 days' weekly mean to the 22 weeks before",
        "ratio",
        "data_decline",
    ),
    _field(
        _u,
        "data_gb_28d_vs_region",
        "Ratio of the last 28 days' weekly mean to the region's median",
        "ratio",
        "data_use",
        tables=_REGION,
    ),
    _field(
        _u,
        "data_gb_trend_91d",
        "Least-squares slope per week over 91 days, as a share of the mean",
        "share per week",
        "data_decline",
    ),
    _field(
        _u,
        "data_gb_volatility_91d",
        "Standard deviation over weeks of 91 days, as a share of the mean",
        "share",
        "data_volatility",
    ),
    _field(_u, "zero_use_days_7d", "Days without any use in 7 days", "days", "inactivity"),
    _field(_u, "zero_use_days_28d", "Days without any use in 28 days", "days", "inactivity"),
    _field(_u, "zero_use_days_91d", "Days without any use in 91 days", "days", "inactivity"),
    _field(
        _u,
        "zero_use_days_28d_vs_own",
        "Days without use per week in 28 days minus in the 22 weeks before",
        "days per week",
        "inactivity",
    ),
    _field(_u, "days_since_use", "Since the last use of any kind", "days", "inactivity"),
    _field(
        _u,
        "unused_allowance_28d",
        "Share of the data allowance not used, mean over 28 days",
        "share",
        "plan_fit",
        actionable=True,
        driver="price",
    ),
    _field(
        _u,
        "overage_28d",
        "Charged beyond the allowance in 28 days",
        "currency",
        "overage",
        actionable=True,
        driver="price",
        dissatisfaction="increasing",
    ),
    _field(
        _u,
        "overage_91d",
        "Charged beyond the allowance in 91 days",
        "currency",
        "overage",
        actionable=True,
        driver="price",
        dissatisfaction="increasing",
    ),
    _field(
        _u, "roaming_days_91d", "Days abroad in 91 days", "days", "roaming", data_class="location"
    ),
)

_n = _Kind("network", "network_weeks", data_class="traffic")
_NREGION = "network_weeks,customers,subscriptions"
NETWORK = (
    _field(
        _n,
        "drop_days_7d",
        "Days with a dropped call or connection in 7 days",
        "days",
        "drops",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "drop_days_28d",
        "Days with a dropped call or connection in 28 days",
        "days",
        "drops",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "drop_days_28d_vs_own",
        "Such days per week in 28 days minus in the 22 weeks before",
        "days per week",
        "drops",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "drops_28d",
        "Dropped calls or connections in 28 days",
        "drops",
        "drops",
        actionable=True,
    ),
    _field(
        _n,
        "drops_28d_vs_region",
        "Drops per week in 28 days minus the region's median",
        "drops per week",
        "drops",
        actionable=True,
        tables=_NREGION,
    ),
    _field(
        _n,
        "drops_trend_91d",
        "Least-squares slope per week over 91 days",
        "drops per week",
        "drops",
        actionable=True,
    ),
    _field(
        _n,
        "failed_setups_28d",
        "Calls or connections that could not be set up in 28 days",
        "attempts",
        "failed_setups",
        actionable=True,
    ),
    _field(
        _n,
        "failed_setups_28d_vs_own",
        "Such attempts per week in 28 days minus in the 22 weeks before",
        "attempts per week",
        "failed_setups",
        actionable=True,
    ),
    _field(
        _n,
        "voice_quality_28d",
        "Mean opinion score of calls over 28 days",
        "MOS",
        "voice_quality",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(
        _n,
        "voice_quality_28d_vs_own",
        "That score minus the 22 weeks before",
        "MOS",
        "voice_quality",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(
        _n,
        "throughput_28d",
        "Busy-hour download speed, mean over 28 days",
        "Mbit/s",
        "speed",
        actionable=True,
    ),
    _field(
        _n,
        "throughput_28d_vs_own",
        "Ratio to the 22 weeks before",
        "ratio",
        "speed",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(
        _n,
        "throughput_28d_vs_region",
        "Ratio to the region's median",
        "ratio",
        "speed",
        actionable=True,
        tables=_NREGION,
    ),
    _field(
        _n,
        "throughput_volatility_91d",
        "Standard deviation over weeks of 91 days, as a share of the mean",
        "share",
        "speed",
        actionable=True,
    ),
    _field(_n, "latency_28d", "Round trip, mean over 28 days", "ms", "latency", actionable=True),
    _field(
        _n,
        "latency_28d_vs_own",
        "Ratio to the 22 weeks before",
        "ratio",
        "latency",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "latency_28d_vs_region",
        "Ratio to the region's median",
        "ratio",
        "latency",
        actionable=True,
        tables=_NREGION,
    ),
    _field(
        _n,
        "outage_minutes_7d",
        "Minutes without service in 7 days",
        "minutes",
        "outage",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "outage_minutes_28d",
        "Minutes without service in 28 days",
        "minutes",
        "outage",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "outage_minutes_91d",
        "Minutes without service in 91 days",
        "minutes",
        "outage",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _n,
        "congestion_28d",
        "Share of busy hours with congestion at home, mean over 28 days",
        "share",
        "congestion",
        actionable=True,
        data_class="location",
    ),
    _field(
        _n,
        "congestion_28d_vs_own",
        "That share minus the 22 weeks before",
        "share",
        "congestion",
        actionable=True,
        data_class="location",
    ),
)

_v = _Kind("price", "subscriptions,plans,usage_weeks,recharges")
VALUE = (
    _field(
        _v,
        "monthly_revenue_91d",
        "Prepaid: recharges of 91 days per 30 days. Else: plan fee plus overage of 91 days per 30 days",
        "currency per month",
        "value",
    ),
    _field(
        _v,
        "monthly_margin_91d",
        "That revenue times the margin that is assumed for the product line",
        "currency per month",
        "value",
    ),
)

_s = _Kind("usage", "recharges", live=True)
SUBSCRIPTION_LIVE = (
    _field(_s, "recharges_28d", "Recharges in 28 days", "recharges", "recharge"),
    _field(_s, "recharges_91d", "Recharges in 91 days", "recharges", "recharge"),
    _field(_s, "recharge_amount_91d", "Recharged in 91 days", "currency", "recharge"),
    _field(
        _s, "days_since_recharge", "Since the last recharge of 182 days", "days", "recharge_gap"
    ),
    _field(
        _s,
        "recharge_gap_vs_median",
        "Days since the last recharge over the median gap between recharges of 182 days (three or more)",
        "ratio",
        "recharge_gap",
    ),
    _field(
        _s,
        "last_balance_before",
        "Balance just before the last recharge of 182 days",
        "currency",
        "balance",
        driver="price",
    ),
    _field(
        _s, "days_to_validity_end", "Until the balance expires, negative after", "days", "validity"
    ),
    _field(
        _s,
        "plan_changes_182d",
        "Changes of plan in 182 days",
        "changes",
        "plan_change",
        driver="contract",
        tables="subscriptions",
    ),
)

_i = _Kind("network", "incidents", live=True, data_class="location")
CELL_LIVE = (
    _field(
        _i,
        "incidents_28d",
        "Incidents begun in 28 days that hit the cell: its own, its region's, the nation's",
        "incidents",
        "incident",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _i,
        "incident_hours_91d",
        "Hours of such incidents in 91 days, up to now where they last",
        "hours",
        "incident",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _i,
        "days_since_incident",
        "Since the last such incident of 182 days began",
        "days",
        "incident",
        actionable=True,
    ),
)

_b = _Kind("price", "bills", live=True)
BILLING_LIVE = (
    _field(_b, "last_bill", "Amount of the last bill of 91 days", "currency", "bill"),
    _field(
        _b,
        "bill_vs_own",
        "Last bill of 91 days over the median of the bills before it in 182 days",
        "ratio",
        "bill_shock",
        actionable=True,
    ),
    _field(
        _b,
        "last_out_of_bundle",
        "Part of the last bill of 91 days beyond what plans include",
        "currency",
        "overage",
        actionable=True,
    ),
    _field(
        _b,
        "days_to_discount_end",
        "Until the last bill's discount ends, negative after",
        "days",
        "promotion_end",
        actionable=True,
    ),
    _field(
        _b,
        "disputes_182d",
        "Disputed bills in 182 days",
        "bills",
        "dispute",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _b,
        "late_payments_182d",
        "Payments made late in 182 days",
        "payments",
        "late_payment",
        tables="payments",
    ),
    _field(
        _b,
        "failed_payments_91d",
        "Payments that failed in 91 days",
        "payments",
        "late_payment",
        tables="payments",
    ),
    _field(_b, "arrears_amount", "Overdue", "currency", "arrears", tables="arrears"),
    _field(
        _b,
        "arrears_days",
        "Since the oldest unpaid bill was due; 0 when settled",
        "days",
        "arrears",
        tables="arrears",
    ),
    _field(_b, "refunds_182d", "Given back in 182 days", "currency", "refund", tables="refunds"),
)

_w = _Kind("service", "interactions", live=True)
SERVICE_LIVE = (
    _field(_w, "contacts_7d", "Contacts in 7 days", "contacts", "contacts", actionable=True),
    _field(_w, "contacts_28d", "Contacts in 28 days", "contacts", "contacts", actionable=True),
    _field(_w, "contacts_182d", "Contacts in 182 days", "contacts", "contacts", actionable=True),
    _field(_w, "days_since_contact", "Since the last contact of 182 days", "days", "contacts"),
    _field(
        _w,
        "repeat_contacts_28d",
        "Contacts of 28 days on an issue already raised in the 7 days before",
        "contacts",
        "repeats",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "unresolved_contacts_28d",
        "Contacts of 28 days that were not settled",
        "contacts",
        "unresolved",
        actionable=True,
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "transfers_28d",
        "Times handed on in 28 days",
        "transfers",
        "transfers",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "mean_wait_seconds_28d",
        "Mean wait in contacts of 28 days",
        "seconds",
        "wait",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "abandoned_contacts_28d",
        "Contacts of 28 days that the customer gave up",
        "contacts",
        "wait",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "cancellation_contacts_91d",
        "Contacts of 91 days about cancelling",
        "contacts",
        "cancellation_talk",
        driver="relationship",
    ),
    _field(
        _w,
        "open_tickets",
        "Tickets opened in 182 days and open now",
        "tickets",
        "open_ticket",
        actionable=True,
        tables="tickets",
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "oldest_open_ticket_days",
        "Age of the oldest of them; 0 without",
        "days",
        "open_ticket",
        actionable=True,
        tables="tickets",
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "complaints_91d",
        "Complaints opened in 91 days",
        "tickets",
        "complaint",
        actionable=True,
        tables="tickets",
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _w,
        "faults_91d",
        "Faults reported in 91 days",
        "tickets",
        "fault",
        actionable=True,
        tables="tickets",
    ),
    _field(
        _w,
        "reopened_tickets_91d",
        "Times a ticket was reopened in 91 days",
        "times",
        "reopened",
        actionable=True,
        tables="tickets",
        churn="increasing",
        dissatisfaction="increasing",
    ),
)

_a = _Kind("relationship", "survey_answers", live=True)
SURVEY_LIVE = (
    _field(
        _a,
        "last_csat",
        "Last overall CSAT answer of 182 days, on a scale of 1 to 5",
        "points of 5",
        "last_answer",
        churn="decreasing",
        dissatisfaction="decreasing",
    ),
    _field(_a, "days_since_csat", "Since that answer", "days", "answer_age"),
    _field(
        _a,
        "last_nps",
        "Last NPS answer of 182 days, on a scale of 0 to 10",
        "points of 10",
        "last_answer",
        churn="decreasing",
        dissatisfaction="decreasing",
    ),
    _field(
        _a,
        "last_ces",
        "Last CES answer of 182 days, on a scale of 1 to 7",
        "points of 7",
        "last_answer",
    ),
    _field(
        _a,
        "low_answers_182d",
        "Answers of 182 days in the lowest quarter of their scale, such as 1 and 2 of 5",
        "answers",
        "last_answer",
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _a,
        "days_since_answer",
        "Since the last answer of 182 days to any question",
        "days",
        "answer_age",
    ),
)

_o = _Kind("relationship", "consents", live=True)
CONSENT_LIVE = (
    _field(
        _o,
        "offers_consent",
        "1 when offers are consented to in some channel, 0 when withdrawn in all that were named; null when never asked",
        "yes or no",
        "consent",
    ),
    _field(
        _o,
        "profiling_objection",
        "1 when the customer objects to profiling",
        "yes or no",
        "consent",
    ),
    _field(
        _o, "do_not_contact", "1 when the customer wants no contact at all", "yes or no", "consent"
    ),
)

_r = _Kind("relationship", "subscriptions,customers")
_INVITED = "survey_invitations,survey_answers"
RELATIONSHIP = (
    _field(
        _r, "customer_lines", "The customer's subscriptions in service", "subscriptions", "bundle"
    ),
    _field(
        _r,
        "customer_product_lines",
        "Different product lines among them",
        "product lines",
        "bundle",
    ),
    _field(
        _r,
        "household_other_lines",
        "Subscriptions in service of others in the household",
        "subscriptions",
        "household",
    ),
    _field(
        _r,
        "household_lines_ended_182d",
        "Subscriptions of the household that ended in 182 days without being replaced",
        "subscriptions",
        "household",
        churn="increasing",
    ),
    _field(
        _r,
        "loyalty_tier_code",
        "Position in TIERS: none 0, silver 1, gold 2, platinum 3",
        "code",
        "loyalty",
        tables="loyalty",
    ),
    _field(_r, "loyalty_points", "Points to spend", "points", "loyalty", tables="loyalty"),
    _field(
        _r,
        "app_logins_28d",
        "Log-ins in 28 days",
        "log-ins",
        "app_use",
        tables="app_events",
        data_class="traffic",
    ),
    _field(
        _r,
        "app_logins_28d_vs_own",
        "Log-ins per week in 28 days minus in the 22 weeks before",
        "log-ins per week",
        "app_use",
        tables="app_events",
        data_class="traffic",
    ),
    _field(
        _r,
        "cancel_pages_91d",
        "Visits of the cancellation page in 91 days",
        "visits",
        "cancellation_talk",
        tables="app_events",
        data_class="traffic",
    ),
    _field(
        _r,
        "last_app_rating",
        "Last rating given in the app in 182 days",
        "stars of 5",
        "last_answer",
        tables="app_events",
        dissatisfaction="decreasing",
    ),
    _field(
        _r,
        "unanswered_invitations_182d",
        "Survey invitations delivered in 182 days and not answered",
        "invitations",
        "silence",
        tables=_INVITED,
    ),
    _field(
        _r,
        "missed_appointments_182d",
        "Appointments missed by the operator in 182 days",
        "appointments",
        "appointment",
        actionable=True,
        driver="service",
        tables="appointments",
        churn="increasing",
        dissatisfaction="increasing",
    ),
    _field(
        _r,
        "open_orders",
        "Orders placed in 182 days, neither completed nor cancelled",
        "orders",
        "order",
        actionable=True,
        driver="service",
        tables="orders",
    ),
    _field(
        _r,
        "care_contacts_91d",
        "Times care reached the customer in 91 days",
        "contacts",
        "care",
        tables="care_contacts",
    ),
    _field(
        _r,
        "days_since_care",
        "Since care last reached the customer in 182 days",
        "days",
        "care",
        tables="care_contacts",
    ),
    _field(
        _r,
        "care_accepted_182d",
        "Care actions accepted in 182 days",
        "actions",
        "care",
        tables="care_contacts,care_outcomes",
    ),
)

_x = _Kind("network", "network_weeks,subscriptions", data_class="traffic")
_LINES = "usage_weeks,subscriptions"
EXPERIENCE = (
    _field(
        _x,
        "worst_drop_days_28d",
        "Greatest `drop_days_28d` among the customer's lines",
        "days",
        "drops",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "worst_drop_days_28d_vs_own",
        "Greatest `drop_days_28d_vs_own` among the lines",
        "days per week",
        "drops",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "worst_failed_setups_28d",
        "Greatest `failed_setups_28d` among the lines",
        "attempts",
        "failed_setups",
        actionable=True,
    ),
    _field(
        _x,
        "worst_voice_quality_28d",
        "Least `voice_quality_28d` among the lines",
        "MOS",
        "voice_quality",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(
        _x,
        "worst_voice_quality_28d_vs_own",
        "Least `voice_quality_28d_vs_own` among the lines",
        "MOS",
        "voice_quality",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(
        _x,
        "worst_throughput_28d_vs_own",
        "Least `throughput_28d_vs_own` among the lines",
        "ratio",
        "speed",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(
        _x,
        "worst_throughput_28d_vs_region",
        "Least `throughput_28d_vs_region` among the lines",
        "ratio",
        "speed",
        actionable=True,
        tables=f"{_NREGION}",
    ),
    _field(
        _x,
        "worst_latency_28d_vs_own",
        "Greatest `latency_28d_vs_own` among the lines",
        "ratio",
        "latency",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "worst_outage_minutes_28d",
        "Greatest `outage_minutes_28d` among the lines",
        "minutes",
        "outage",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "worst_outage_minutes_91d",
        "Greatest `outage_minutes_91d` among the lines",
        "minutes",
        "outage",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "worst_congestion_28d",
        "Greatest `congestion_28d` among the lines",
        "share",
        "congestion",
        actionable=True,
        data_class="location",
    ),
    _field(
        _x,
        "total_overage_28d",
        "Sum of `overage_28d` over the lines",
        "currency",
        "overage",
        actionable=True,
        driver="price",
        tables=_LINES,
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "total_monthly_fee",
        "Sum of `monthly_fee` over the lines",
        "currency per month",
        "fee",
        driver="price",
        tables=_PLAN,
        data_class="none",
    ),
    _field(
        _x,
        "greatest_saving_on_best_plan",
        "Greatest `saving_on_best_plan` among the lines",
        "currency per month",
        "plan_fit",
        actionable=True,
        driver="price",
        tables=_FIT,
        data_class="none",
    ),
    _field(
        _x,
        "greatest_price_change_share",
        "Greatest `price_change_share` among the lines",
        "share",
        "price_change",
        actionable=True,
        driver="price",
        tables="price_changes,subscriptions",
        data_class="none",
        dissatisfaction="increasing",
    ),
    _field(
        _x,
        "least_data_gb_28d_vs_own",
        "Least `data_gb_28d_vs_own` among the lines",
        "ratio",
        "data_decline",
        driver="usage",
        tables=_LINES,
    ),
    _field(
        _x,
        "most_zero_use_days_28d",
        "Greatest `zero_use_days_28d` among the lines",
        "days",
        "inactivity",
        driver="usage",
        tables=_LINES,
    ),
    _field(
        _x,
        "longest_tenure_days",
        "Greatest `tenure_days` among the lines",
        "days",
        "tenure",
        driver="relationship",
        tables="subscriptions",
        data_class="none",
    ),
)

_k = _Kind("service", "interactions")
CONTACT_OWN = (
    _field(
        _k, "contact_channel_code", "Position in INTERACTION_CHANNELS", "code", "contact_channel"
    ),
    _field(_k, "contact_issue_code", "Position in ISSUES", "code", "contact_issue"),
    _field(
        _k,
        "contact_wait_seconds",
        "Waited before anybody answered",
        "seconds",
        "wait",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(_k, "contact_seconds", "From turning up to the close", "seconds", "contact_length"),
    _field(
        _k,
        "contact_transfers",
        "Times handed on",
        "transfers",
        "transfers",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _k,
        "contact_was_abandoned",
        "1 when the customer gave up",
        "yes or no",
        "wait",
        actionable=True,
        dissatisfaction="increasing",
    ),
    _field(
        _k,
        "contact_was_resolved",
        "1 when settled in this contact",
        "yes or no",
        "unresolved",
        actionable=True,
        dissatisfaction="decreasing",
    ),
    _field(_k, "contact_had_agent", "1 when a person answered", "yes or no", "contact_channel"),
    _field(
        _k,
        "contact_repeats_7d",
        "Earlier contacts on the same issue in the 7 days before",
        "contacts",
        "repeats",
        actionable=True,
        dissatisfaction="increasing",
    ),
)

VIEWS: dict[str, View] = {
    "contract": View("contract", "subscription", CONTRACT),
    "usage": View("usage", "subscription", USAGE),
    "network": View("network", "subscription", NETWORK),
    "value": View("value", "subscription", VALUE),
    "subscription_live": View("subscription_live", "subscription", SUBSCRIPTION_LIVE),
    "cell_live": View("cell_live", "cell", CELL_LIVE),
    "billing_live": View("billing_live", "account", BILLING_LIVE),
    "service_live": View("service_live", "customer", SERVICE_LIVE),
    "survey_live": View("survey_live", "customer", SURVEY_LIVE),
    "consent_live": View("consent_live", "customer", CONSENT_LIVE),
    "relationship": View("relationship", "customer", RELATIONSHIP),
    "experience": View("experience", "customer", EXPERIENCE),
    "contact": View(
        "contact", "contact", (*CONTACT_OWN, *SERVICE_LIVE, *SURVEY_LIVE, *BILLING_LIVE)
    ),
}
"""Every view, in the order in which they are built; its features in the order in which they are
stored.
"""

LINKS: dict[str, tuple[str, ...]] = {
    "subscription": ("customer", "account", "cell"),
    "customer": ("account",),
}
"""Entities and the other entities they belong to: the views ``subscription_links`` and
``customer_links`` hold the ids.
"""

SERVICES: dict[str, tuple[str, ...]] = {
    "churn_v1": (
        *("contract", "usage", "network", "value", "subscription_live", "cell_live"),
        *("billing_live", "service_live", "survey_live", "relationship"),
    ),
    "dissatisfaction_v1": (
        "experience",
        "relationship",
        "billing_live",
        "service_live",
        "survey_live",
    ),
    "contact_v1": ("contact",),
    "consent_v1": ("consent_live",),
}
"""Feature services and their views; the first view names the service's entity. Contact policy reads
`consent_v1`, no model.
"""


def features_without(table: str) -> tuple[str, ...]:
    """Names of the features that cannot be computed without a raw table, each once."""
    return tuple(
        dict.fromkeys(
            feature.name
            for view in VIEWS.values()
            for feature in view.features
            if table in feature.tables
        )
    )
