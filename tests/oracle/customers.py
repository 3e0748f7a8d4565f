"""Features of customers: their standing with the operator, and what their lines experience."""

import pandas as pd

from features.contracts.vocabulary import ARRIVED, HAPPENED, TICKET_STATUSES, TIERS
from tests.oracle.known import Columns, Moment, codes, count, days, last, within

_LEAST = (
    *("worst_voice_quality_28d", "worst_voice_quality_28d_vs_own", "worst_throughput_28d_vs_own"),
    *("worst_throughput_28d_vs_region", "least_data_gb_28d_vs_own"),
)
_GREATEST = (
    *(
        "worst_drop_days_28d",
        "worst_drop_days_28d_vs_own",
        "worst_failed_setups_28d",
        "worst_latency_28d_vs_own",
    ),
    *(
        "worst_outage_minutes_28d",
        "worst_outage_minutes_91d",
        "worst_congestion_28d",
        "greatest_saving_on_best_plan",
    ),
    *("greatest_price_change_share", "most_zero_use_days_28d", "longest_tenure_days"),
)
_SUM = ("total_overage_28d", "total_monthly_fee", "total_price_changes_182d")


def relationship(moment: Moment) -> Columns:
    """Features of the view `relationship`."""
    customer = moment.everyone("customer")
    ids = customer.ids
    lines = moment.lines.groupby("customer_id")
    loyalty = moment.state("loyalty").set_index("customer_id")
    others, ended = _household(moment, ids)
    invitations = customer.known("survey_invitations", "customer_id", 182)
    answered = invitations["invitation_id"].isin(moment.rows("survey_answers")["invitation_id"])
    care = customer.known("care_contacts", "customer_id")
    treated = within(care[(care["arm"] == "treatment") & (care["delivered"] != 0)], 182)
    outcomes = moment.rows("care_outcomes", 182)
    accepted = outcomes[(outcomes["outcome"] == "accepted") & (outcomes["value"] > 0)]
    return {
        "customer_lines": lines.size(),
        "customer_product_lines": lines["product_line"].nunique(),
        "household_other_lines": others,
        "household_lines_ended_182d": ended,
        "in_loyalty_programme": pd.Series(ids.isin(loyalty.index).astype(float), ids),
        "loyalty_tier_code": codes(loyalty["tier"], TIERS),
        "loyalty_points": loyalty["points"],
        "unanswered_invitations_182d": count(
            invitations[(invitations["delivered"] != 0) & ~answered], ids
        ),
        "overdue_tickets": _overdue(customer.known("tickets", "customer_id", 182), moment, ids),
        "care_contacts_91d": count(within(treated, 91), ids),
        "days_since_care": days(treated.groupby("asked")["age"].min()),
        "care_accepted_182d": count(accepted[["contact_id"]].merge(care, on="contact_id"), ids),
    }


def _overdue(steps: pd.DataFrame, moment: Moment, ids: pd.Index) -> pd.Series:
    """Tickets that are open past the time that was promised last."""
    ticket = ["asked", "ticket_id"]
    position = codes(steps["status"], TICKET_STATUSES)
    told = steps.assign(position=position).sort_values([HAPPENED, ARRIVED, "position"])
    status = told[told["position"].notna()].groupby(ticket)["status"].last()
    due = (
        steps.dropna(subset="due_at")
        .sort_values([HAPPENED, ARRIVED, "due_at"])
        .groupby(ticket)["due_at"]
        .last()
    )
    is_open = status.index.isin(steps[steps["status"] == "opened"].set_index(ticket).index)
    is_open &= ~status.isin(["resolved", "closed", "cancelled"])
    late = due[due < moment.cutoff].index.intersection(status.index[is_open])
    return count(late.to_frame(index=False), ids)


def app_live(moment: Moment) -> Columns:
    """Features of the view `app_live`."""
    customer = moment.everyone("customer")
    ids = customer.ids
    events = customer.known("app_events", "customer_id", 182)
    logins = events[events["event"] == "login"]
    recent_logins = count(within(logins, 28), ids)
    ratings = events[(events["event"] == "rating") & events["rating"].notna()]
    return {
        "app_logins_28d": recent_logins,
        "app_logins_28d_vs_own": recent_logins / 4 - (count(logins, ids) - recent_logins) / 22,
        "cancel_pages_91d": count(within(events[events["event"] == "cancel_page"], 91), ids),
        "last_app_rating": last(ratings, HAPPENED)["rating"],
    }


def order_live(moment: Moment) -> Columns:
    """Features of the view `order_live`."""
    customer = moment.everyone("customer")
    ids = customer.ids
    appointments = customer.known("appointments", "customer_id", 182)
    steps = customer.known("orders", "customer_id", 182)
    order = ["asked", "order_id"]
    placed = steps[steps["status"] == "placed"].set_index(order)
    done = steps[steps["status"].isin(["completed", "cancelled"])].set_index(order)
    return {
        "missed_appointments_182d": count(appointments[appointments["status"] == "missed"], ids),
        "open_orders": count(placed[~placed.index.isin(done.index)].reset_index(), ids),
    }


def _household(moment: Moment, ids: pd.Index) -> tuple[pd.Series, pd.Series]:
    """Lines in service of others in the household, and lines of the household that ended."""
    household = moment.customers["household_id"]
    alone = ~ids.isin(household.dropna().index)
    subscriptions = moment.subscriptions
    lost = within(
        subscriptions[(subscriptions["status"] == "ended") & subscriptions["replaced_by"].isna()],
        182,
    )
    in_service, ended = (
        moment.lines.groupby("customer_id").size(),
        lost.groupby("customer_id").size(),
    )

    def of_household(lines: pd.Series) -> pd.Series:
        totals = lines.groupby(household.reindex(lines.index)).sum()
        return household.reindex(ids).map(totals).astype("float64").fillna(0.0)

    own_ended = ended.reindex(ids, fill_value=0)
    others = of_household(in_service) - in_service.reindex(ids)
    return others.mask(alone, 0.0), of_household(ended).mask(alone, own_ended)


def experience(moment: Moment, stored: pd.DataFrame) -> Columns:
    """Features of the view `experience`, from the stored features of subscriptions."""
    lines = stored.groupby(moment.lines["customer_id"].reindex(stored.index))
    return {
        **{name: lines[name.partition("_")[2]].max() for name in _GREATEST},
        **{name: lines[name.partition("_")[2]].min() for name in _LEAST},
        **{name: lines[name.partition("_")[2]].sum(min_count=1) for name in _SUM},
    }
