"""What the sentences about each feature have in common in all languages: which cases there are, and
what is told beside.

A feature's *form* names the cases that a language has words for; `sentence` picks the case by the
value:

========  =============================================================================================================
amount    ``null``; ``none``, where it reads as zero; ``one``; ``some`` change    ``null``;
``less``, ``same`` or ``more`` than something else; ``less_one``, ``more_one`` ratio     ``null``;
``none`` at zero; ``less``, ``same`` or ``more`` than something else; ``far``, from twice as much on
until     ``null``; ``ahead``, ``today`` or ``past``, for days until something flag      ``null``;
``no`` or ``yes`` code      ``null``; one case a code ========
=============================================================================================================

``none``, ``one``, ``today``, ``far`` and the like may be left out where a language says nothing
else in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Literal

Kind = Literal["amount", "change", "ratio", "until", "flag", "code"]
Show = Literal[
    "count", "number", "days", "minutes", "hours", "seconds", "money", "percent", "gb", "score"
]

CASES: dict[Kind, tuple[frozenset[str], frozenset[str]]] = {
    "amount": (frozenset({"null", "some"}), frozenset({"none", "one"})),
    "change": (frozenset({"null", "less", "same", "more"}), frozenset({"less_one", "more_one"})),
    "ratio": (frozenset({"null", "less", "same", "more"}), frozenset({"none", "far"})),
    "until": (frozenset({"null", "ahead", "past"}), frozenset({"today"})),
    "flag": (frozenset({"null", "no", "yes"}), frozenset()),
}
"""Cases that every language must and may have words for; a code's are its own (see `CODES`)."""

Row = Mapping[str, float]
"""A customer's features by name; NaN where missing."""


@dataclass(frozen=True)
class Usual:
    """How to tell what is usual for the customer from other features of the same row.

    It is the level, a week's worth of it where `weeks` says over how many it was summed, minus or
    over its comparison with the customer's own past, for as many weeks as the sentence speaks of.

    Parameters
    ----------
    level : str
        A feature that says how much it is of late.
    weeks : int
        Weeks that the level is the sum of; 1 for a mean.
    minus, over : str or None
        The feature that compares the level with the customer's own past: a difference, or a ratio.
        One of the two is given.
    times : int
        Weeks that the sentence speaks of.
    """

    level: str
    weeks: int = 1
    minus: str | None = None
    over: str | None = None
    times: int = 1

    def of(self, row: Row) -> float | None:
        """What is usual; None where the row does not tell, or contradicts itself."""
        level, change = (row.get(name, nan) for name in (self.level, self.minus or self.over or ""))
        if not (isfinite(level) and isfinite(change)):
            return None
        if self.over is None:
            usual = (level / self.weeks - change) * self.times
        elif change > 0:
            usual = level / change
        else:
            return None
        # A little below zero is rounding, or a week that was not known.
        return max(usual, 0.0) if isfinite(usual) and usual > -0.25 else None


@dataclass(frozen=True)
class Form:
    """How sentences about a feature are made.

    Parameters
    ----------
    kind : str
        Which cases there are.
    show : str
        How its number is shown.
    usual : Usual, optional
        What is told of the customer's own past, where the row knows it.
    through : str or None
        Feature of the same reason that tells the same more plainly, as long as the row holds it and
        what is usual.
    instead : str or None
        Feature that tells what is so where this one is null.
    prepaid : bool
        It says something of prepaid lines only.
    """

    kind: Kind
    show: Show = "count"
    usual: Usual | None = None
    through: str | None = None
    instead: str | None = None
    prepaid: bool = False


def _windows(name: str, days: tuple[int, ...], form: Form) -> dict[str, Form]:
    return {f"{name}_{window}d": form for window in days}


def _mean(name: str, show: Show) -> dict[str, Form]:
    """A weekly mean over 28 days, and its ratio to the own past."""
    usual = Usual(f"{name}_28d", over=f"{name}_28d_vs_own")
    return {
        f"{name}_28d": Form("amount", show, usual),
        f"{name}_28d_vs_own": Form("ratio", show, usual),
    }


def _use(name: str, show: Show) -> dict[str, Form]:
    """Use: means over several windows, and all that they are compared with."""
    usual = Usual(f"{name}_28d", over=f"{name}_28d_vs_own")
    return {
        **_windows(name, (91, 182), Form("amount", show)),
        f"{name}_7d": Form("amount", show, usual),
        **_mean(name, show),
        f"{name}_28d_vs_region": Form("ratio", show),
        f"{name}_trend_91d": Form("change", "percent"),
        f"{name}_volatility_91d": Form("amount", "percent"),
    }


def _count(name: str) -> dict[str, Form]:
    """A number of days or events in 28 days, and its weekly difference from the own past."""
    usual = Usual(f"{name}_28d", weeks=4, minus=f"{name}_28d_vs_own", times=4)
    return {
        f"{name}_28d": Form("amount", usual=usual),
        f"{name}_28d_vs_own": Form("change", through=f"{name}_28d"),
    }


def _level(name: str, show: Show) -> dict[str, Form]:
    """A mean over 28 days, and its difference from the own past."""
    usual = Usual(f"{name}_28d", minus=f"{name}_28d_vs_own")
    return {
        f"{name}_28d": Form("amount", show, usual),
        f"{name}_28d_vs_own": Form("change", show, through=f"{name}_28d"),
    }


def _amounts(*names: str, show: Show = "count") -> dict[str, Form]:
    return {name: Form("amount", show) for name in names}


def _of_kind(kind: Kind, *names: str) -> dict[str, Form]:
    return {name: Form(kind) for name in names}


def _this_week(name: str) -> Form:
    return Form("amount", usual=Usual(f"{name}_28d", weeks=4, minus=f"{name}_28d_vs_own"))


_COMMITMENT = ("days_to_commitment_end", "days_out_of_commitment")
_RECHARGE_GAP = Usual("days_since_recharge", over="recharge_gap_vs_median")

FORMS: dict[str, Form] = {
    # Contract, device and plan.
    **_of_kind("code", "billing_type_code", "product_line_code", "segment_code"),
    **_amounts(
        "tenure_days",
        "customer_tenure_days",
        "plan_age_days",
        "days_to_instalment_end",
        "device_age_days",
        show="days",
    ),
    **{
        name: Form("amount", "days", instead=other)
        for name, other in (_COMMITMENT, _COMMITMENT[::-1])
    },
    **{name: Form("until", "days") for name in ("days_to_promotion_end", "days_to_price_change")},
    **_amounts("termination_fee", "monthly_fee", "saving_on_best_plan", show="money"),
    "saving_share": Form("amount", "percent"),
    "price_change_share": Form("change", "percent"),
    **_of_kind("flag", "autopay", "device_is_5g", "device_is_dual_sim"),
    # Usage.
    **_use("minutes", "number"),
    **_use("data_gb", "gb"),
    "zero_use_days_7d": _this_week("zero_use_days"),
    **_count("zero_use_days"),
    **_amounts("zero_use_days_91d", "roaming_days_91d"),
    "days_since_use": Form("amount", "days"),
    "unused_allowance_28d": Form("amount", "percent"),
    **_windows("overage", (28, 91), Form("amount", "money")),
    # Network.
    "drop_days_7d": _this_week("drop_days"),
    **_count("drop_days"),
    "drops_28d": Form("amount"),
    **_of_kind("change", "drops_28d_vs_region", "drops_trend_91d"),
    **_count("failed_setups"),
    **_level("voice_quality", "score"),
    **{
        name: form
        for measure in ("throughput", "latency")
        for name, form in _mean(measure, "number").items()
    },
    **{f"{measure}_28d_vs_region": Form("ratio") for measure in ("throughput", "latency")},
    "throughput_volatility_91d": Form("amount", "percent"),
    **_windows("outage_minutes", (7, 28, 91), Form("amount", "minutes")),
    **_level("congestion", "percent"),
    **_amounts("incidents_28d"),
    "incident_hours_91d": Form("amount", "hours"),
    "days_since_incident": Form("amount", "days"),
    # Value, recharges, bills and payments.
    **_amounts("monthly_revenue_91d", "monthly_margin_91d", show="money"),
    **_windows("recharges", (28, 91), Form("amount", prepaid=True)),
    "recharge_amount_91d": Form("amount", "money", prepaid=True),
    "days_since_recharge": Form("amount", "days", _RECHARGE_GAP, prepaid=True),
    "recharge_gap_vs_median": Form("ratio", through="days_since_recharge", prepaid=True),
    "last_balance_before": Form("amount", "money", prepaid=True),
    "days_to_validity_end": Form("until", "days", prepaid=True),
    "last_bill": Form("amount", "money", Usual("last_bill", over="bill_vs_own")),
    "bill_vs_own": Form("ratio", "money", Usual("last_bill", over="bill_vs_own")),
    **_amounts("last_out_of_bundle", "arrears_amount", "refunds_182d", show="money"),
    "days_to_discount_end": Form("until", "days"),
    "arrears_days": Form("amount", "days"),
    **_amounts("plan_changes_182d", "disputes_182d", "late_payments_182d", "failed_payments_91d"),
    # Contacts, tickets and surveys.
    **_windows("contacts", (7, 28, 182), Form("amount")),
    **_amounts(
        "days_since_contact",
        "oldest_open_ticket_days",
        "days_since_csat",
        "days_since_answer",
        show="days",
    ),
    **_amounts(
        "repeat_contacts_28d", "unresolved_contacts_28d", "transfers_28d", "abandoned_contacts_28d"
    ),
    "mean_wait_seconds_28d": Form("amount", "seconds"),
    **_amounts(
        "cancellation_contacts_91d",
        "open_tickets",
        "complaints_91d",
        "faults_91d",
        "reopened_tickets_91d",
    ),
    **_amounts("last_csat", "last_nps", "last_ces", "last_app_rating", show="score"),
    "low_answers_182d": Form("amount"),
    # Relationship.
    **_amounts(
        "customer_lines",
        "customer_product_lines",
        "household_other_lines",
        "household_lines_ended_182d",
    ),
    "loyalty_tier_code": Form("code"),
    "loyalty_points": Form("amount", "number"),
    **_count("app_logins"),
    **_amounts(
        "cancel_pages_91d", "unanswered_invitations_182d", "missed_appointments_182d", "open_orders"
    ),
    **_amounts("care_contacts_91d", "care_accepted_182d"),
    "days_since_care": Form("amount", "days"),
    # A customer's lines together: the worst of them may be one by one measure and another by the
    # next.
    **_amounts("worst_drop_days_28d", "worst_failed_setups_28d", "most_zero_use_days_28d"),
    "worst_drop_days_28d_vs_own": Form("change"),
    "worst_voice_quality_28d": Form("amount", "score"),
    "worst_voice_quality_28d_vs_own": Form("change", "score"),
    **_of_kind(
        "ratio",
        "worst_throughput_28d_vs_own",
        "worst_throughput_28d_vs_region",
        "worst_latency_28d_vs_own",
    ),
    "least_data_gb_28d_vs_own": Form("ratio"),
    **_amounts("worst_outage_minutes_28d", "worst_outage_minutes_91d", show="minutes"),
    "worst_congestion_28d": Form("amount", "percent"),
    **_amounts(
        "total_overage_28d", "total_monthly_fee", "greatest_saving_on_best_plan", show="money"
    ),
    "greatest_price_change_share": Form("change", "percent"),
    "longest_tenure_days": Form("amount", "days"),
    # One contact.
    **_of_kind("code", "contact_channel_code", "contact_issue_code"),
    **_amounts("contact_wait_seconds", "contact_seconds", show="seconds"),
    **_amounts("contact_transfers", "contact_repeats_7d"),
    **_of_kind("flag", "contact_was_abandoned", "contact_was_resolved", "contact_had_agent"),
}
"""The form of every feature that there are words for."""

CODES: dict[str, int] = {
    "billing_type_code": 3,
    "product_line_code": 3,
    "segment_code": 4,
    "loyalty_tier_code": 4,
    "contact_channel_code": 8,
    "contact_issue_code": 8,
}
"""How many codes, from 0 on, each feature of codes has."""
