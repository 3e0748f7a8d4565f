"""Features that events update between builds: of an account's bills, a customer's contacts and
answers, a cell's incidents.

Those of bills, contacts and answers are also known at the close of a contact, so that each id may
have a cut-off of its own."""

import pandas as pd

from features.contracts.vocabulary import (
    ARRIVED,
    CONTACT_CHANNELS,
    HAPPENED,
    INTERACTION_CHANNELS,
    ISSUES,
    TICKET_STATUSES,
)
from tests.oracle.known import (
    DAY,
    Asked,
    Columns,
    Moment,
    codes,
    count,
    days,
    last,
    ratio,
    total,
    within,
)

_REPEAT_DAYS = 7


def billing_live(asked: Asked) -> Columns:
    """Features of the view `billing_live`."""
    ids = asked.ids
    bills = asked.known("bills", "account_id", 182).sort_values([HAPPENED, "bill_id"])
    newest = last(within(bills, 91), HAPPENED, "bill_id")
    others = bills[bills.duplicated("asked", keep="last")]
    usual = others.groupby("asked")["amount"].median()
    payments = asked.known("payments", "account_id", 182)
    late = payments[(payments["status"] == "paid") & (payments["days_late"] > 0)]
    failed = within(payments[payments["status"] == "failed"], 91)
    owed = last(asked.known("arrears", "account_id"), HAPPENED, ARRIVED)
    owed = owed.reindex(ids)
    overdue = owed["amount"] > 0
    return {
        "last_bill": newest["amount"],
        "bill_vs_own": newest["amount"] / usual[usual > 0].reindex(newest.index),
        "last_out_of_bundle": newest["out_of_bundle"],
        "days_to_discount_end": days(newest["discount_end_at"] - newest["cutoff"]),
        "disputes_182d": count(bills[bills["disputed"] == 1], ids),
        "late_payments_182d": count(late, ids),
        "failed_payments_91d": count(failed, ids),
        "arrears_amount": owed["amount"].fillna(0),
        "arrears_days": days(owed["cutoff"] - owed["oldest_due_at"]).where(overdue, 0.0),
        "refunds_182d": total(asked.known("refunds", "account_id", 182), "amount", ids),
    }


def service_live(asked: Asked) -> Columns:
    """Features of the view `service_live`."""
    ids = asked.ids
    contacts = asked.known("interactions", "customer_id", 182)
    recent = within(contacts, 28)
    about_leaving = within(contacts[contacts["issue"] == "cancellation"], 91)
    steps = asked.known("tickets", "customer_id")
    opened = steps[steps["status"] == "opened"]
    open_now = _open(steps)
    return {
        "contacts_7d": count(within(contacts, 7), ids),
        "contacts_28d": count(recent, ids),
        "contacts_182d": count(contacts, ids),
        "days_since_contact": days(contacts.groupby("asked")["age"].min()),
        "repeat_contacts_28d": count(within(_repeats(contacts), 28), ids),
        "unresolved_contacts_28d": count(recent[recent["resolved"] == 0], ids),
        "transfers_28d": total(recent, "transfers", ids),
        "mean_wait_seconds_28d": recent.groupby("asked")["wait_seconds"].mean(),
        "abandoned_contacts_28d": count(recent[recent["abandoned"] == 1], ids),
        "cancellation_contacts_91d": count(about_leaving, ids),
        "open_tickets": open_now.groupby("asked")["ticket_id"].nunique().reindex(ids, fill_value=0),
        "oldest_open_ticket_days": days(open_now.groupby("asked")["age"].max()).reindex(
            ids, fill_value=0.0
        ),
        "complaints_91d": count(within(opened[opened["ticket_kind"] == "complaint"], 91), ids),
        "faults_91d": count(within(opened[opened["ticket_kind"] == "fault"], 91), ids),
        "reopened_tickets_91d": count(within(steps[steps["status"] == "reopened"], 91), ids),
    }


def _repeats(contacts: pd.DataFrame) -> pd.DataFrame:
    """Contacts on an issue that was already raised in the days before."""
    issue = ["asked", "issue"]
    moments = contacts[[*issue, HAPPENED]].drop_duplicates().sort_values(HAPPENED)
    moments["before"] = moments.groupby(issue)[HAPPENED].shift()
    contacts = contacts.merge(moments, on=[*issue, HAPPENED])
    return contacts[contacts["before"] >= contacts[HAPPENED] - _REPEAT_DAYS * DAY]


def _open(steps: pd.DataFrame) -> pd.DataFrame:
    """Steps of 182 days that opened a ticket which is open now."""
    position = codes(steps["status"], TICKET_STATUSES)
    ticket = ["asked", "ticket_id"]
    newest = (
        steps.assign(position=position)[position.notna()]
        .sort_values([HAPPENED, ARRIVED, "position"])
        .drop_duplicates(ticket, keep="last")
    )
    unsettled = newest[~newest["status"].isin(["resolved", "closed", "cancelled"])]
    return within(steps[steps["status"] == "opened"], 182).merge(unsettled[ticket], on=ticket)


def survey_live(asked: Asked) -> Columns:
    """Features of the view `survey_live`."""
    answers = asked.known("survey_answers", "customer_id", 182)
    width = answers["scale_high"] - answers["scale_low"]
    answers["share"] = ratio(answers["score"] - answers["scale_low"], width)
    overall = answers[answers["dimension"] == "overall"]
    csat, nps, ces = (
        last(overall[overall["instrument"] == name], HAPPENED, "invitation_id")
        for name in ("csat", "nps", "ces")
    )
    return {
        "last_csat": 1 + 4 * csat["share"],
        "days_since_csat": days(csat["age"]),
        "last_nps": 10 * nps["share"],
        "last_ces": 1 + 6 * ces["share"],
        "low_answers_182d": count(answers[answers["share"] <= 0.25], asked.ids),
        "days_since_answer": days(answers.groupby("asked")["age"].min()),
    }


def contact_own(asked: Asked, contacts: pd.DataFrame) -> Columns:
    """What a contact says of itself, and whether the issue was raised before; contacts by id."""
    earlier = asked.known("interactions", "customer_id")
    same_issue = earlier["issue"] == earlier["asked"].map(contacts["issue"])
    before = (earlier["age"] > 0 * DAY) & (earlier["age"] <= _REPEAT_DAYS * DAY)
    other = earlier["interaction_id"] != earlier["asked"]
    return {
        "contact_channel_code": codes(contacts["channel"], INTERACTION_CHANNELS),
        "contact_issue_code": codes(contacts["issue"], ISSUES),
        "contact_wait_seconds": contacts["wait_seconds"],
        "contact_seconds": days(contacts[HAPPENED] - contacts["started_at"]) * 86_400,
        "contact_transfers": contacts["transfers"],
        "contact_was_abandoned": contacts["abandoned"],
        "contact_was_resolved": contacts["resolved"],
        "contact_had_agent": contacts["agent_id"].notna().astype("float64"),
        "contact_repeats_7d": count(earlier[same_issue & before & other], asked.ids),
    }


def consent_live(moment: Moment) -> Columns:
    """Features of the view `consent_live`."""
    ids = moment.everyone("customer").ids
    consents = moment.rows("consents").rename(columns={"customer_id": "asked"})
    # Of what was said at the same time, the withdrawal comes last.
    consents["refused"] = consents["state"] != "granted"
    consents = consents.sort_values([HAPPENED, "refused"])

    def granted(purpose: str, channel: str) -> pd.Series:
        said = consents[
            (consents["purpose"] == purpose) & consents["channel"].isin([channel, "any"])
        ]
        states = said.groupby("asked")["refused"].last()
        return states.map({False: 1.0, True: 0.0}).reindex(ids)

    objections = [
        granted("profiling", channel) == 0 for channel in (*CONTACT_CHANNELS, "other", "any")
    ]
    return {
        **{f"offers_consent_{each}": granted("offers", each) for each in CONTACT_CHANNELS},
        **{f"surveys_consent_{each}": granted("surveys", each) for each in CONTACT_CHANNELS},
        **{
            f"do_not_contact_{each}": (granted("any_contact", each) == 0).astype("float64")
            for each in CONTACT_CHANNELS
        },
        "profiling_objection": pd.concat(objections, axis=1).any(axis=1).astype("float64"),
    }


def cell_live(moment: Moment) -> Columns:
    """Features of the view `cell_live`."""
    ids, cutoff = moment.everyone("cell").ids, moment.cutoff
    cells = pd.DataFrame({"asked": ids}).join(_regions(moment.monday), on="asked")
    incidents = moment.state("incidents").drop(columns=["age"])
    incidents = incidents[incidents["started_at"] <= cutoff]
    areas = incidents.dropna(subset="area_id")
    own = cells.merge(areas[areas["level"] == "cell"], left_on="asked", right_on="area_id")
    regional = cells.merge(areas[areas["level"] == "region"], left_on="region", right_on="area_id")
    national = cells.merge(incidents[incidents["level"] == "nation"], how="cross")
    hits = pd.concat([own, regional, national])
    hits["age"] = cutoff - hits["started_at"]
    hits["until"] = hits["ended_at"].fillna(cutoff).clip(upper=cutoff)
    hits["hours"] = (days(hits["until"] - hits["started_at"]) * 24).clip(lower=0)
    return {
        "incidents_28d": count(within(hits, 28), ids),
        "incident_hours_91d": total(within(hits, 91), "hours", ids),
        "days_since_incident": days(within(hits, 182).groupby("asked")["age"].min()),
    }


def _regions(moment: Moment) -> pd.Series:
    """The region that most lines at home in each cell belong to."""
    homes = moment.lines.groupby(["home_cell_id", "region"]).size().rename("lines").reset_index()
    most = homes.sort_values(["lines", "region"], ascending=[False, True]).drop_duplicates(
        "home_cell_id"
    )
    return most.set_index("home_cell_id")["region"]
