"""SQL of the view `contact`: a contact at its close, and what was known of its customer and account
then.
"""

from features.contracts.vocabulary import INTERACTION_CHANNELS, ISSUES
from features.fields import BILLING_LIVE, SERVICE_LIVE, SURVEY_LIVE, Feature
from features.sql.known_rows import MOMENTS, rows_in_force
from features.sql.raw import known
from features.views import billing_live, service_live, survey_live

_OWN = (
    *("customer_id", "channel", "issue", "started_at", "happened_at", "wait_seconds"),
    *("transfers", "abandoned", "resolved", "agent_id"),
)


def query(asked: str) -> str:
    """SQL of the view's features.

    Parameters
    ----------
    asked : str
        A relation with the columns interaction_id and cutoff: contacts, and the close as the first
        version to arrive told it.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    own = ", ".join(f"'{name}': t.{name}" for name in _OWN)
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
        {_columns("service", SERVICE_LIVE)},
        {_columns("survey", SURVEY_LIVE)},
        {_columns("billing", BILLING_LIVE)}
    FROM {asked} AS a
    JOIN contacts USING (interaction_id, cutoff)
    JOIN accounts USING (interaction_id, cutoff)
    LEFT JOIN repeats USING (interaction_id, cutoff)
    LEFT JOIN service ON service.customer_id = contacts.customer_id AND service.cutoff = a.cutoff
    LEFT JOIN survey ON survey.customer_id = contacts.customer_id AND survey.cutoff = a.cutoff
    LEFT JOIN billing ON billing.account_id = accounts.account_id AND billing.cutoff = a.cutoff
    """


def _columns(relation: str, features: tuple[Feature, ...]) -> str:
    return ", ".join(f"{relation}.{feature.name}" for feature in features)
