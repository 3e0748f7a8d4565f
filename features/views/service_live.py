"""The view `service_live`: contacts with the operator, and tickets."""

from features.contracts.vocabulary import TICKET_STATUSES, TICKETS_OVER
from features.sql.expressions import days_between, within
from features.sql.known_rows import MOMENTS, moments, rows_within
from features.views.declaration import MORE_IS_WORSE, NEVER, Shared, View

_CONTACT = Shared(
    driver="service", tables=("interactions",), null=NEVER, actionable=True, live=True
)
_TICKET = _CONTACT.but(tables=("tickets",))

# fmt: off
VIEW = View("service_live", "customer", (
    *_CONTACT.family("contacts_{days}d", (7, 28, 182), "contacts", "contacts",
                     "Contacts in {days} days"),
    _CONTACT.field("days_since_contact", "days", "contacts", "Since the last contact of 182 days",
                   actionable=False, null="no contact in 182 days"),
    _CONTACT.field("repeat_contacts_28d", "contacts", "repeats",
                   "Contacts of 28 days on an issue already raised in the 7 days before",
                   **MORE_IS_WORSE),
    _CONTACT.field("unresolved_contacts_28d", "contacts", "unresolved",
                   "Contacts of 28 days that were not settled", **MORE_IS_WORSE),
    _CONTACT.field("transfers_28d", "transfers", "transfers", "Times handed on in 28 days",
                   dissatisfaction="increasing"),
    _CONTACT.field("mean_wait_seconds_28d", "seconds", "wait", "Mean wait in contacts of 28 days",
                   dissatisfaction="increasing",
                   null="no contact in 28 days, or no wait stated of any"),
    _CONTACT.field("abandoned_contacts_28d", "contacts", "wait",
                   "Contacts of 28 days that the customer gave up", dissatisfaction="increasing"),
    _CONTACT.field("cancellation_contacts_91d", "contacts", "cancellation_talk",
                   "Contacts of 91 days about cancelling", driver="relationship",
                   actionable=False),
    _TICKET.field("open_tickets", "tickets", "open_ticket",
                  "Tickets opened in 182 days and open now", **MORE_IS_WORSE),
    _TICKET.field("oldest_open_ticket_days", "days", "open_ticket",
                  "Age of the oldest of them; 0 without", **MORE_IS_WORSE),
    _TICKET.field("complaints_91d", "tickets", "complaint", "Complaints opened in 91 days",
                  **MORE_IS_WORSE),
    _TICKET.field("faults_91d", "tickets", "fault", "Faults reported in 91 days"),
    _TICKET.field("reopened_tickets_91d", "times", "reopened",
                  "Times a ticket was reopened in 91 days", **MORE_IS_WORSE),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    Parameters
    ----------
    asked : str
        A relation with the columns customer_id and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    contact = "t.happened_at, t.issue, t.wait_seconds, t.transfers, t.abandoned, t.resolved"
    quarter = within("steps", "cutoff", 91)
    month = within("contacts", "cutoff", 28)
    position = f"list_position([{', '.join(repr(status) for status in TICKET_STATUSES)}], status)"
    over = ", ".join(map(repr, TICKETS_OVER))
    return f"""
    WITH {MOMENTS} AS ({moments("customer_id", asked)}),
    contacts AS (
        SELECT
            *,
            count(*) OVER (
                PARTITION BY customer_id, cutoff, issue ORDER BY happened_at
                RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
            ) AS before_7d
        FROM ({rows_within("interactions", "customer_id", contact, 182)})
    ),
    contact AS (
        SELECT
            customer_id,
            cutoff,
            count(*) FILTER ({within("contacts", "cutoff", 7)}) AS contacts_7d,
            count(*) FILTER ({month}) AS contacts_28d,
            count(*) AS contacts_182d,
            max(happened_at) AS last_at,
            count(*) FILTER ({month} AND before_7d > 0) AS repeats_28d,
            count(*) FILTER ({month} AND NOT resolved) AS unresolved_28d,
            sum(transfers) FILTER ({month}) AS transfers_28d,
            avg(wait_seconds) FILTER ({month}) AS wait_28d,
            count(*) FILTER ({month} AND abandoned) AS abandoned_28d,
            count(*) FILTER ({within("contacts", "cutoff", 91)} AND issue = 'cancellation') AS cancellation_91d
        FROM contacts
        GROUP BY customer_id, cutoff
    ),
    steps AS ({rows_within("tickets", "customer_id", "t.ticket_id, t.happened_at, t.arrived_at, t.status, t.ticket_kind", 182)}),
    tickets_known AS (
        SELECT
            customer_id,
            cutoff,
            min(happened_at) FILTER (status = 'opened') AS opened_at,
            -- A step in no list says nothing of whether the ticket is open.
            arg_max(status, (happened_at, arrived_at, {position})) FILTER ({position} IS NOT NULL) AS status,
            count(*) FILTER (status = 'opened' AND ticket_kind = 'complaint' AND {quarter}) AS complaints_91d,
            count(*) FILTER (status = 'opened' AND ticket_kind = 'fault' AND {quarter}) AS faults_91d,
            count(*) FILTER (status = 'reopened' AND {quarter}) AS reopened_91d
        FROM steps
        GROUP BY customer_id, cutoff, ticket_id
    ),
    ticket AS (
        SELECT
            customer_id,
            cutoff,
            count(opened_at) FILTER (status NOT IN ({over})) AS open_tickets,
            min(opened_at) FILTER (status NOT IN ({over})) AS oldest_at,
            sum(complaints_91d) AS complaints_91d,
            sum(faults_91d) AS faults_91d,
            sum(reopened_91d) AS reopened_91d
        FROM tickets_known
        GROUP BY customer_id, cutoff
    )
    SELECT
        a.customer_id,
        a.cutoff,
        coalesce(contact.contacts_7d, 0) AS contacts_7d,
        coalesce(contact.contacts_28d, 0) AS contacts_28d,
        coalesce(contact.contacts_182d, 0) AS contacts_182d,
        {days_between("contact.last_at", "a.cutoff")} AS days_since_contact,
        coalesce(contact.repeats_28d, 0) AS repeat_contacts_28d,
        coalesce(contact.unresolved_28d, 0) AS unresolved_contacts_28d,
        coalesce(contact.transfers_28d, 0) AS transfers_28d,
        contact.wait_28d AS mean_wait_seconds_28d,
        coalesce(contact.abandoned_28d, 0) AS abandoned_contacts_28d,
        coalesce(contact.cancellation_91d, 0) AS cancellation_contacts_91d,
        coalesce(ticket.open_tickets, 0) AS open_tickets,
        coalesce({days_between("ticket.oldest_at", "a.cutoff")}, 0) AS oldest_open_ticket_days,
        coalesce(ticket.complaints_91d, 0) AS complaints_91d,
        coalesce(ticket.faults_91d, 0) AS faults_91d,
        coalesce(ticket.reopened_91d, 0) AS reopened_tickets_91d
    FROM {asked} AS a
    LEFT JOIN contact ON contact.customer_id = a.customer_id AND contact.cutoff = a.cutoff
    LEFT JOIN ticket ON ticket.customer_id = a.customer_id AND ticket.cutoff = a.cutoff
    """
