"""Every view's features: of everybody at a cut-off, and of contacts at their close."""

from collections.abc import Mapping

import pandas as pd

from features.contracts.tables import ARRIVED, HAPPENED
from features.fields import LINKS, VIEWS
from tests.oracle import customers, events, lines, weeks
from tests.oracle.known import Columns, Each, Moment, Tables, first, stored, table_of

MARGIN_SHARES: Mapping[str, float] = {"postpaid": 0.5, "prepaid": 0.5, "fixed": 0.5}
"""Share of revenue that is assumed to be margin, by billing type."""

_OF_LINES = ("contract", "usage", "network", "subscription_live")
"""Views whose features `experience` combines over a customer's lines."""


def snapshot(
    tables: Tables,
    cutoff: pd.Timestamp,
    margin_shares: Mapping[str, float] = MARGIN_SHARES,
    zone: str = "UTC",
) -> dict[str, pd.DataFrame]:
    """Compute all views but that of contacts at a cut-off.

    Parameters
    ----------
    tables : dict of str to DataFrame
        As `prepare` gives them.
    cutoff : Timestamp
        With a time zone.
    margin_shares : mapping of str to float
        Share of revenue that is assumed to be margin, by billing type.
    zone : str
        The operator's.

    Returns
    -------
    dict of str to DataFrame
        By view; each by the entity's id, with the view's features as they are stored.
    """
    moment = Moment(tables, cutoff, zone)
    columns = _columns(moment, margin_shares)
    frames = {
        name: stored(view, moment.everyone(view.entity).ids, columns[name], tables)
        for name, view in VIEWS.items()
        if name not in ("contact", "experience")
    }
    of_lines = pd.concat([frames[name] for name in _OF_LINES], axis=1)
    experience = customers.experience(moment, of_lines)
    ids = moment.everyone("customer").ids
    return frames | {"experience": stored(VIEWS["experience"], ids, experience, tables)}


def _columns(moment: Moment, margin_shares: Mapping[str, float]) -> dict[str, Columns]:
    """Values of each view that comes from raw tables alone."""
    account, customer = moment.everyone("account"), moment.everyone("customer")
    return {
        "contract": lines.contract(moment),
        "usage": weeks.usage(moment),
        "network": weeks.network(moment),
        "value": lines.value(moment, margin_shares),
        "subscription_live": lines.subscription_live(moment),
        "cell_live": events.cell_live(moment),
        "billing_live": events.billing_live(account),
        "service_live": events.service_live(customer),
        "survey_live": events.survey_live(customer),
        "order_live": customers.order_live(moment),
        "app_live": customers.app_live(moment),
        "consent_live": events.consent_live(moment),
        "relationship": customers.relationship(moment),
    }


def links_at(tables: Tables, entity: str, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Find whom each subscription or customer in service belongs to at a cut-off.

    Parameters
    ----------
    tables : dict of str to DataFrame
        As `prepare` gives them.
    entity : {"subscription", "customer"}
        Whose links.
    cutoff : Timestamp
        With a time zone.

    Returns
    -------
    DataFrame
        By the entity's id, with the columns ``linked_customer``, ``linked_account`` and
        ``linked_cell`` as far as it has them.
    """
    lines = Moment(tables, cutoff).lines
    links = lines.assign(
        linked_customer=lines["customer_id"],
        linked_account=lines["payer" if entity == "customer" else "account_id"],
        linked_cell=lines["home_cell_id"],
    )
    if entity == "customer":
        links = links.drop_duplicates("customer_id").set_index("customer_id")
    return links[[f"linked_{other}" for other in LINKS[entity]]].sort_index()


def contacts(tables: Tables, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Compute the view of contacts that arrived after `start` and by `end`.

    Parameters
    ----------
    tables : dict of str to DataFrame
        As `prepare` gives them.
    start, end : Timestamp
        With a time zone.

    Returns
    -------
    DataFrame
        By contact, with the view's features as they are stored, each as of the contact's close.
    """
    first_versions = first(
        table_of(tables, "interactions").rename(columns={"interaction_id": "asked"}), ARRIVED
    )
    arrived = first_versions[ARRIVED]
    closed = first_versions[(arrived > start) & (arrived <= end)]
    asked = closed.reset_index()[["asked", "customer_id", HAPPENED]].rename(
        columns={HAPPENED: "cutoff"}
    )
    asked["account_id"] = _accounts(tables, asked)
    each = Each(tables, asked)
    columns: Columns = {
        **events.contact_own(each, closed),
        **events.service_live(each),
        **events.survey_live(each),
        **events.billing_live(each),
    }
    return stored(VIEWS["contact"], each.ids, columns, tables)


def _accounts(tables: Tables, asked: pd.DataFrame) -> pd.Series:
    """Who paid for each customer then."""
    states = (
        Each(tables, asked).known("customers", "customer_id").drop_duplicates("asked", keep="last")
    )
    account = asked["asked"].map(states.set_index("asked")["account_id"])
    return account.astype("object").fillna(asked["customer_id"])
