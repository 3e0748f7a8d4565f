"""The population of a snapshot: everybody in service, or the history sample of them.

`take_snapshot` makes tables in memory, each with the column ``cutoff``:

- ``subscription_states``, ``customer_states``: the state of every subscription and customer, ended
  ones too; a customer's ``household`` is its household, or the customer alone where that is
  unknown;
- ``population``: subscriptions in service, and whom they belong to;
- ``asked_subscriptions``, ``asked_customers``, ``asked_accounts``, ``asked_cells``: those of the
  population that rows are made for, with the ids they are linked to.

What feature queries are asked for is one of the last four, or any relation with the same columns.
"""

from datetime import datetime

from features.sql.expressions import known, time_sql
from features.sql.raw import RawTables

SAMPLE_STEPS = 2**32
"""How many different shares of customers in history there can be."""


def take_snapshot(raw: RawTables, at: datetime, share: float = 1.0) -> None:
    """Make the tables of a snapshot, in place of those of the last one.

    Parameters
    ----------
    raw : RawTables
        Raw tables, bounded no closer than `at`.
    at : datetime
        The cut-off, with a time zone.
    share : float
        Share of customers that are asked about, drawn by their ids: the same customers each time.
    """
    for name, query in _tables(time_sql(at), share).items():
        raw.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")


def state_at(table: str, cutoff: str) -> str:
    """SQL: what held at a cut-off, one row per customer or subscription.

    Parameters
    ----------
    table : str
        A state table.
    cutoff : str
        SQL of the cut-off, the same for all rows.
    """
    return f"SELECT * EXCLUDE superseded_at FROM {table} WHERE {known(table, cutoff)}"


def sampled(customer: str, share: float) -> str:
    """SQL condition: the customer belongs to the share that history is kept of."""
    if share >= 1:
        return "true"
    # Not DuckDB's own hash, which the next version may change: the sample is to stay the same for
    # years.
    return f"(md5_number_lower({customer}) >> 32) < {round(share * SAMPLE_STEPS)}"


def population_sql(share: float) -> str:
    """All SQL of the population, the same for every cut-off.

    When it changes, what was built from it is out of date.
    """
    return "".join(_tables("cutoff", share).values())


def _tables(cutoff: str, share: float) -> dict[str, str]:
    return {
        "subscription_states": f"SELECT *, {cutoff} AS cutoff FROM ({state_at('subscriptions', cutoff)})",
        "customer_states": f"""
            SELECT
                *,
                coalesce('of ' || household_id, 'alone ' || customer_id) AS household,
                {cutoff} AS cutoff
            FROM ({state_at("customers", cutoff)})
        """,
        "population": """
            WITH lines AS (SELECT * FROM subscription_states WHERE status <> 'ended'),
            -- Of customers who name no account of their own. Counted apart, because a window
            -- over all lines took a third of the time of a whole build.
            most_used AS (
                SELECT customer_id, account_id
                FROM lines
                WHERE account_id IS NOT NULL
                  AND customer_id NOT IN (SELECT customer_id FROM customer_states WHERE account_id IS NOT NULL)
                GROUP BY customer_id, account_id
                QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, account_id) = 1
            )
            SELECT
                line.subscription_id,
                line.customer_id,
                coalesce(line.account_id, customer.account_id, line.customer_id) AS account_id,
                -- The account of a customer who names none is the one of most of its lines.
                coalesce(customer.account_id, most_used.account_id, line.customer_id) AS customer_account_id,
                coalesce(customer.household, 'alone ' || line.customer_id) AS household,
                line.home_cell_id,
                line.product_line,
                line.billing_type,
                line.plan_id,
                customer.region,
                line.cutoff
            FROM lines AS line
            LEFT JOIN customer_states AS customer USING (customer_id)
            LEFT JOIN most_used USING (customer_id)
        """,
        "asked_subscriptions": f"""
            SELECT
                *,
                customer_id AS linked_customer,
                account_id AS linked_account,
                home_cell_id AS linked_cell
            FROM population
            WHERE {sampled("customer_id", share)}
        """,
        "asked_customers": """
            SELECT DISTINCT customer_id, household, customer_account_id AS linked_account, cutoff
            FROM asked_subscriptions
        """,
        "asked_accounts": """
            SELECT account_id, cutoff FROM asked_subscriptions
            UNION SELECT customer_account_id, cutoff FROM asked_subscriptions
        """,
        "asked_cells": """
            SELECT DISTINCT home_cell_id AS cell_id, cutoff FROM asked_subscriptions WHERE home_cell_id IS NOT NULL
        """,
    }
