"""The view `relationship`: a customer's lines, household, loyalty, invitations and care."""

from features.contracts.vocabulary import TICKET_STATUSES, TICKETS_OVER, TIERS
from features.sql.expressions import days_between, known, text_sql, within
from features.views.declaration import MORE_IS_WORSE, NEVER, Shared, View

_LINES = Shared(driver="relationship", tables=("subscriptions", "customers"), null=NEVER)
_LOYALTY = _LINES.but(tables=("loyalty",), null="not in the loyalty programme")
_SERVICE = _LINES.but(driver="service", actionable=True)
_CARE = _LINES.but(tables=("care_contacts",))

# fmt: off
VIEW = View("relationship", "customer", (
    _LINES.field("customer_lines", "subscriptions", "bundle",
                 "The customer's subscriptions in service"),
    _LINES.field("customer_product_lines", "product lines", "bundle",
                 "Different product lines among them"),
    _LINES.field("household_other_lines", "subscriptions", "household",
                 "Subscriptions in service of others in the household"),
    _LINES.field("household_lines_ended_182d", "subscriptions", "household",
                 "Subscriptions of the household that ended in 182 days without being replaced",
                 churn="increasing"),
    _LOYALTY.field("in_loyalty_programme", "yes or no", "loyalty",
                   "1 when in the loyalty programme", null=NEVER),
    _LOYALTY.field("loyalty_tier_code", "code", "loyalty",
                   "Position in TIERS: none 0, silver 1, gold 2, platinum 3"),
    _LOYALTY.field("loyalty_points", "points", "loyalty", "Points to spend",
                   null="not in the loyalty programme, or no points stated"),
    _LINES.field("unanswered_invitations_182d", "invitations", "silence",
                 "Survey invitations delivered in 182 days and not answered",
                 tables=("survey_invitations", "survey_answers")),
    _SERVICE.field("overdue_tickets", "tickets", "open_ticket",
                   "Tickets opened in 182 days, open now, and past the time that was promised",
                   tables=("tickets",), **MORE_IS_WORSE),
    _CARE.field("care_contacts_91d", "contacts", "care",
                "Times care reached the customer in 91 days"),
    _CARE.field("days_since_care", "days", "care",
                "Since care last reached the customer in 182 days",
                null="not reached by care in 182 days"),
    _CARE.field("care_accepted_182d", "actions", "care", "Care actions accepted in 182 days",
                tables=("care_contacts", "care_outcomes")),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    It reads `population`, `subscription_states` and `customer_states` at the same cut-offs (see
    `features.compute.population`).

    Parameters
    ----------
    asked : str
        A relation with the columns customer_id, household and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its customer_id and cutoff, then the view's features, not
        rounded.
    """
    step = f"list_position([{', '.join(map(text_sql, TICKET_STATUSES))}], status)"
    over = ", ".join(map(text_sql, TICKETS_OVER))
    tiers = ", ".join(text_sql(tier) for tier in TIERS)
    return f"""
    WITH lines AS (
        SELECT customer_id, cutoff, count(*) AS lines, count(DISTINCT product_line) AS product_lines
        FROM population
        GROUP BY customer_id, cutoff
    ),
    household_lines AS (
        SELECT household, cutoff, count(*) AS lines
        FROM population
        GROUP BY household, cutoff
    ),
    household_lost AS (
        SELECT
            coalesce(customer.household, 'alone ' || lost.customer_id) AS household,
            lost.cutoff,
            count(*) AS lines
        FROM subscription_states AS lost
        LEFT JOIN customer_states AS customer
          ON customer.customer_id = lost.customer_id AND customer.cutoff = lost.cutoff
        WHERE lost.status = 'ended' AND lost.replaced_by IS NULL AND {within("lost", "lost.cutoff", 182)}
        GROUP BY ALL
    ),
    standing AS (
        SELECT asked.cutoff, t.*
        FROM {asked} AS asked
        JOIN loyalty AS t ON t.customer_id = asked.customer_id AND {known("t", "asked.cutoff")}
    ),
    answered AS (
        SELECT DISTINCT t.invitation_id, moments.cutoff
        FROM (SELECT DISTINCT cutoff FROM {asked}) AS moments
        JOIN survey_answers AS t ON {known("t", "moments.cutoff")}
    ),
    unanswered AS (
        SELECT customer_id, cutoff, count(*) AS invitations
        FROM ({_events(asked, "survey_invitations", "t.invitation_id, t.delivered")}) AS invitation
        ANTI JOIN answered USING (invitation_id, cutoff)
        WHERE delivered IS NOT FALSE
        GROUP BY customer_id, cutoff
    ),
    ticket AS (
        SELECT
            customer_id,
            cutoff,
            min(happened_at) FILTER (status = 'opened') AS opened_at,
            arg_max(status, (happened_at, arrived_at, {step})) FILTER ({step} IS NOT NULL) AS status,
            arg_max(due_at, (happened_at, arrived_at, due_at)) FILTER (due_at IS NOT NULL) AS due_at
        FROM ({_events(asked, "tickets", "t.ticket_id, t.happened_at, t.arrived_at, t.status, t.due_at")})
        GROUP BY customer_id, cutoff, ticket_id
    ),
    overdue AS (
        SELECT customer_id, cutoff, count(*) AS tickets
        FROM ticket
        WHERE opened_at IS NOT NULL AND status NOT IN ({over}) AND due_at < cutoff
        GROUP BY customer_id, cutoff
    ),
    care AS (
        SELECT
            customer_id,
            cutoff,
            count(*) FILTER ({within("contact", "cutoff", 91)}) AS contacts_91d,
            max(happened_at) AS last_at
        FROM ({_events(asked, "care_contacts", "t.arm, t.delivered, t.happened_at")}) AS contact
        WHERE arm = 'treatment' AND delivered IS NOT FALSE
        GROUP BY customer_id, cutoff
    ),
    accepted AS (
        SELECT asked.customer_id, asked.cutoff, count(*) AS actions
        FROM {asked} AS asked
        JOIN care_contacts AS t ON t.customer_id = asked.customer_id AND {known("t", "asked.cutoff")}
        JOIN care_outcomes AS outcome
          ON outcome.contact_id = t.contact_id
         AND outcome.outcome = 'accepted'
         AND outcome.value > 0
         AND {within("outcome", "asked.cutoff", 182)}
         AND {known("outcome", "asked.cutoff")}
        GROUP BY asked.customer_id, asked.cutoff
    )
    SELECT
        asked.customer_id,
        asked.cutoff,
        lines.lines AS customer_lines,
        lines.product_lines AS customer_product_lines,
        household_lines.lines - lines.lines AS household_other_lines,
        coalesce(household_lost.lines, 0) AS household_lines_ended_182d,
        (standing.customer_id IS NOT NULL)::INTEGER AS in_loyalty_programme,
        list_position([{tiers}], standing.tier) - 1 AS loyalty_tier_code,
        standing.points AS loyalty_points,
        coalesce(unanswered.invitations, 0) AS unanswered_invitations_182d,
        coalesce(overdue.tickets, 0) AS overdue_tickets,
        coalesce(care.contacts_91d, 0) AS care_contacts_91d,
        {days_between("care.last_at", "asked.cutoff")} AS days_since_care,
        coalesce(accepted.actions, 0) AS care_accepted_182d
    FROM {asked} AS asked
    LEFT JOIN lines ON lines.customer_id = asked.customer_id AND lines.cutoff = asked.cutoff
    LEFT JOIN household_lines ON household_lines.household = asked.household AND household_lines.cutoff = asked.cutoff
    LEFT JOIN household_lost ON household_lost.household = asked.household AND household_lost.cutoff = asked.cutoff
    LEFT JOIN standing ON standing.customer_id = asked.customer_id AND standing.cutoff = asked.cutoff
    {" ".join(_of_customer(name) for name in ("unanswered", "overdue", "care", "accepted"))}
    """


def _of_customer(relation: str) -> str:
    return f"LEFT JOIN {relation} ON {relation}.customer_id = asked.customer_id AND {relation}.cutoff = asked.cutoff"


def _events(asked: str, table: str, columns: str) -> str:
    """SQL: each asked customer's known events of 182 days, of the table `t`."""
    return f"""
        SELECT asked.customer_id, asked.cutoff, {columns}
        FROM {asked} AS asked
        JOIN {table} AS t
          ON t.customer_id = asked.customer_id AND {within("t", "asked.cutoff", 182)} AND {known("t", "asked.cutoff")}
    """
