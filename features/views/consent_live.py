"""The view `consent_live`: what a customer consents and objects to."""

from features.sql.known_rows import MOMENTS, moments, rows_in_force
from features.views.declaration import NEVER, Shared, View

_CONSENT = Shared(driver="relationship", tables=("consents",), null=NEVER, live=True)

# fmt: off
VIEW = View("consent_live", "customer", (
    _CONSENT.field("offers_consent", "yes or no", "consent",
                   "1 when offers are consented to in some channel, 0 when withdrawn in all that"
                   " were named", null="never asked"),
    _CONSENT.field("profiling_objection", "yes or no", "consent",
                   "1 when the customer objects to profiling"),
    _CONSENT.field("do_not_contact", "yes or no", "consent",
                   "1 when the customer wants no contact at all"),
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
    return f"""
    WITH {MOMENTS} AS ({moments("customer_id", asked)}),
    said AS ({rows_in_force("consents", "customer_id", {"purpose": "t.purpose", "state": "t.state"})}),
    consent AS (
        SELECT
            customer_id,
            cutoff,
            bool_or(state = 'granted') FILTER (purpose = 'offers') AS offers,
            bool_or(purpose = 'profiling' AND state = 'withdrawn') AS objection,
            bool_or(purpose = 'any_contact' AND state = 'withdrawn') AS do_not_contact
        FROM said
        GROUP BY customer_id, cutoff
    )
    SELECT
        a.customer_id,
        a.cutoff,
        consent.offers::INTEGER AS offers_consent,
        coalesce(consent.objection, false)::INTEGER AS profiling_objection,
        coalesce(consent.do_not_contact, false)::INTEGER AS do_not_contact
    FROM {asked} AS a
    LEFT JOIN consent ON consent.customer_id = a.customer_id AND consent.cutoff = a.cutoff
    """
