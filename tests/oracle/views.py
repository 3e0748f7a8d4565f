"""Every view's features: of everybody at a cut-off, and of contacts at their close."""

from collections.abc import Mapping

import pandas as pd

from features.contracts.tables import ARRIVED, HAPPENED
from features.fields import LINKS, VIEWS
from tests.oracle import customers, events, lines, weeks
from tests.oracle.known import Columns, Each, Moment, Tables, first, stored, table_of

MARGIN_SHARES: Mapping[str, float] = {"postpaid": 0.5, "prepaid": 0.5, "fixed": 0.5}
"""Share of revenue that is assumed to be margin, by billing type."""

_OF_LINES = ("contract", "usage", "network")


def snapshot(
    tables: Tables, cutoff: pd.Timestamp, margin_shares: Mapping[str, float] = MARGIN_SHARES
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

    Returns
    -------
    dict of str to DataFrame
        By view, as `features_at`.
    """
    moment, views = (
        Moment(tables, cutoff),
        [name for name in VIEWS if name not in ("contact", "experience")],
    )
    frames = {view: _compute(moment, view, margin_shares) for view in views}
    return frames | {"experience": _experience(moment, frames)}


def features_at(
    tables: Tables,
    view: str,
    cutoff: pd.Timestamp,
    margin_shares: Mapping[str, float] = MARGIN_SHARES,
) -> pd.DataFrame:
    """Compute a view's features of everybody at a cut-off.

    Parameters
    ----------
    tables : dict of str to DataFrame
        As `prepare` gives them.
    view : str
        Any in `features.fields.VIEWS` but ``contact``.
    cutoff : Timestamp
        With a time zone.
    margin_shares : mapping of str to float
        Share of revenue that is assumed to be margin, by billing type.

    Returns
    -------
    DataFrame
        By the entity's id, with the view's features as they are stored.
    """
    moment = Moment(tables, cutoff)
    if view == "experience":
        return _experience(
            moment, {name: _compute(moment, name, margin_shares) for name in _OF_LINES}
        )
    return _compute(moment, view, margin_shares)


def _compute(moment: Moment, view: str, margin_shares: Mapping[str, float]) -> pd.DataFrame:
    everyone = moment.everyone(VIEWS[view].entity)
    columns: Columns
    match view:
        case "contract":
            columns = lines.contract(moment)
        case "usage":
            columns = weeks.usage(moment)
        case "network":
            columns = weeks.network(moment)
        case "value":
            columns = lines.value(moment, margin_shares)
        case "subscription_live":
            columns = lines.subscription_live(moment)
        case "cell_live":
            columns = events.cell_live(moment)
        case "billing_live":
            columns = events.billing_live(everyone)
        case "service_live":
            columns = events.service_live(everyone)
        case "survey_live":
            columns = events.survey_live(everyone)
        case "consent_live":
            columns = events.consent_live(moment)
        case "relationship":
            columns = customers.relationship(moment)
        case _:
            raise ValueError(f"no such view at a cut-off: {view}")
    return stored(VIEWS[view], everyone.ids, columns, moment.tables)


def _experience(moment: Moment, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    of_lines = pd.concat([frames[view] for view in _OF_LINES], axis=1)
    columns = customers.experience(moment, of_lines)
    return stored(VIEWS["experience"], moment.everyone("customer").ids, columns, moment.tables)


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
    account = lines["account_id"].astype("object").fillna(lines["customer_id"])
    links = lines.assign(
        linked_customer=lines["customer_id"],
        linked_account=account,
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
