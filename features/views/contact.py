"""The view `contact`: a contact at its close, and its customer and account as of then."""

from features.contracts.vocabulary import INTERACTION_CHANNELS, ISSUES
from features.sql.expressions import known
from features.sql.known_rows import MOMENTS, rows_in_force
from features.views import billing_live, service_live, survey_live
from features.views.declaration import NEVER, NOT_KNOWN, Shared, View

_CLOSE = Shared(driver="service", tables=("interactions",), null=NEVER)
_POOR = _CLOSE.but(actionable=True, dissatisfaction="increasing", null=NOT_KNOWN)

# fmt: off
OWN = (
    _CLOSE.field("contact_channel_code", "code", "contact_channel",
                 "Position in INTERACTION_CHANNELS", null=NOT_KNOWN),
    _CLOSE.field("contact_issue_code", "code", "contact_issue", "Position in ISSUES"),
    _POOR.field("contact_wait_seconds", "seconds", "wait", "Waited before anybody answered"),
    _CLOSE.field("contact_seconds", "seconds", "contact_length", "From turning up to the close",
                 null=NOT_KNOWN),
    _POOR.field("contact_transfers", "transfers", "transfers", "Times handed on"),
    _POOR.field("contact_was_abandoned", "yes or no", "wait", "1 when the customer gave up"),
    _POOR.field("contact_was_resolved", "yes or no", "unresolved",
                "1 when settled in this contact", dissatisfaction="decreasing"),
    _CLOSE.field("contact_had_agent", "yes or no", "contact_channel", "1 when a person answered"),
    _POOR.field("contact_repeats_7d", "contacts", "repeats",
                "Earlier contacts on the same issue in the 7 days before", null=NEVER),
)
# fmt: on
"""Features of the contact itself; the rest are those of its customer and account."""

VIEW = View(
    "contact",
    "contact",
    (
        *OWN,
        *service_live.VIEW.features,
        *survey_live.VIEW.features,
        *billing_live.VIEW.features,
    ),
)

_COLUMNS = (
    *("customer_id", "channel", "issue", "started_at", "happened_at", "wait_seconds"),
    *("transfers", "abandoned", "resolved", "agent_id"),
)


def query(asked: str) -> str:
    """SQL of the view's features.

    Parameters
    ----------
    asked : str
        A relation with the columns interaction_id and cutoff: contacts, and the close as of the
        first version to arrive.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    own = ", ".join(f"'{name}': t.{name}" for name in _COLUMNS)
    return f"""
    WITH contacts AS (
        SELECT interaction_id, cutoff, unnest(first)
        FROM (
            SELECT a.interaction_id, a.cutoff, arg_min({{{own}}}, t.arrived_at) AS first
            FROM (SELECT DISTINCT interaction_id, cutoff FROM {asked}) AS a
            JOIN interactions AS t ON t.interaction_id = a.interaction_id
            GROUP BY a.interaction_id, a.cutoff
        )
    ),
    {MOMENTS} AS (SELECT DISTINCT customer_id, cutoff FROM contacts),
    bearers AS ({rows_in_force("customers", "customer_id", {"account_id": "t.account_id"})}),
    accounts AS (
        SELECT c.interaction_id, c.cutoff, coalesce(b.account_id, c.customer_id) AS account_id
        FROM contacts AS c
        LEFT JOIN bearers AS b ON b.customer_id = c.customer_id AND b.cutoff = c.cutoff
    ),
    account_moments AS (SELECT DISTINCT account_id, cutoff FROM accounts),
    repeats AS (
        SELECT c.interaction_id, c.cutoff, count(*) AS repeats_7d
        FROM contacts AS c
        JOIN interactions AS t
          ON t.customer_id = c.customer_id
         AND t.issue = c.issue
         AND t.interaction_id <> c.interaction_id
         AND {known("t", "c.cutoff")}
         AND t.happened_at >= c.cutoff - INTERVAL 7 DAY
         AND t.happened_at < c.cutoff
        GROUP BY c.interaction_id, c.cutoff
    ),
    service AS ({service_live.query(MOMENTS)}),
    survey AS ({survey_live.query(MOMENTS)}),
    billing AS ({billing_live.query("account_moments")})
    SELECT
        a.interaction_id,
        a.cutoff,
        list_position({list(INTERACTION_CHANNELS)}, contacts.channel) - 1 AS contact_channel_code,
        list_position({list(ISSUES)}, contacts.issue) - 1 AS contact_issue_code,
        contacts.wait_seconds AS contact_wait_seconds,
        (epoch_us(contacts.happened_at) - epoch_us(contacts.started_at)) / 1000000.0 AS contact_seconds,
        contacts.transfers AS contact_transfers,
        contacts.abandoned::INTEGER AS contact_was_abandoned,
        contacts.resolved::INTEGER AS contact_was_resolved,
        (contacts.agent_id IS NOT NULL)::INTEGER AS contact_had_agent,
        coalesce(repeats.repeats_7d, 0) AS contact_repeats_7d,
        {_columns("service", service_live.VIEW)},
        {_columns("survey", survey_live.VIEW)},
        {_columns("billing", billing_live.VIEW)}
    FROM {asked} AS a
    JOIN contacts USING (interaction_id, cutoff)
    JOIN accounts USING (interaction_id, cutoff)
    LEFT JOIN repeats USING (interaction_id, cutoff)
    LEFT JOIN service ON service.customer_id = contacts.customer_id AND service.cutoff = a.cutoff
    LEFT JOIN survey ON survey.customer_id = contacts.customer_id AND survey.cutoff = a.cutoff
    LEFT JOIN billing ON billing.account_id = accounts.account_id AND billing.cutoff = a.cutoff
    """


def _columns(relation: str, view: View) -> str:
    return ", ".join(f"{relation}.{name}" for name in view.columns)
