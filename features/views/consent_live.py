"""The view `consent_live`: what a customer consents and objects to, by purpose and channel.

Of a channel counts what was said last of it or of ``any`` channel; of what was said at the same
time, the withdrawal. In which order rows arrived does not matter. A decision that is in no list is
no consent.
"""

from features.contracts.vocabulary import ANY_CHANNEL, CONTACT_CHANNELS, OTHER
from features.sql.known_rows import MOMENTS, moments
from features.views.declaration import NEVER, Shared, View

_CONSENT = Shared(driver="relationship", tables=("consents",), null=NEVER, live=True)
_NAMED = (*CONTACT_CHANNELS, OTHER, ANY_CHANNEL)
_NEVER_ASKED = "never asked for this channel nor for any"

# fmt: off
VIEW = View("consent_live", "customer", (
    *(_CONSENT.field(f"offers_consent_{channel}", "yes or no", "consent",
                     f"1 when offers by {channel} are consented to, 0 when that is withdrawn",
                     null=_NEVER_ASKED) for channel in CONTACT_CHANNELS),
    *(_CONSENT.field(f"surveys_consent_{channel}", "yes or no", "consent",
                     f"1 when surveys by {channel} are consented to, 0 when that is withdrawn",
                     null=_NEVER_ASKED) for channel in CONTACT_CHANNELS),
    *(_CONSENT.field(f"do_not_contact_{channel}", "yes or no", "consent",
                     f"1 when the customer wants no contact at all by {channel}")
      for channel in CONTACT_CHANNELS),
    _CONSENT.field("profiling_objection", "yes or no", "consent",
                   "1 when the customer objects to profiling, whichever channel was named"),
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
    granted = {
        f"{purpose}_{channel}": _granted(purpose, channel)
        for purpose in ("offers", "surveys", "any_contact", "profiling")
        for channel in _NAMED
    }
    said = ", ".join(f"{state} AS {name}" for name, state in granted.items())
    objections = ", ".join(f"NOT consent.profiling_{channel}" for channel in _NAMED)
    columns = [
        *(f"consent.offers_{each}::INTEGER AS offers_consent_{each}" for each in CONTACT_CHANNELS),
        *(
            f"consent.surveys_{each}::INTEGER AS surveys_consent_{each}"
            for each in CONTACT_CHANNELS
        ),
        *(
            f"coalesce(NOT consent.any_contact_{each}, false)::INTEGER AS do_not_contact_{each}"
            for each in CONTACT_CHANNELS
        ),
        f"coalesce(greatest({objections}), false)::INTEGER AS profiling_objection",
    ]
    return f"""
    WITH {MOMENTS} AS ({moments("customer_id", asked)}),
    said AS (
        SELECT
            m.customer_id,
            m.cutoff,
            t.purpose,
            t.channel,
            t.state = 'granted' AS granted,
            2 * epoch_us(t.happened_at) + (t.state <> 'granted')::BIGINT AS strength
        FROM {MOMENTS} AS m
        JOIN consents AS t
          ON t.customer_id = m.customer_id AND t.arrived_at <= m.cutoff AND t.happened_at <= m.cutoff
    ),
    consent AS (
        SELECT customer_id, cutoff, {said}
        FROM said
        GROUP BY customer_id, cutoff
    )
    SELECT
        a.customer_id,
        a.cutoff,
        {", ".join(columns)}
    FROM {asked} AS a
    LEFT JOIN consent ON consent.customer_id = a.customer_id AND consent.cutoff = a.cutoff
    """


def _granted(purpose: str, channel: str) -> str:
    """SQL: whether a purpose is consented to in a channel; null where nothing was said of it."""
    named = ", ".join(f"'{name}'" for name in dict.fromkeys((channel, ANY_CHANNEL)))
    return f"arg_max(granted, strength) FILTER (purpose = '{purpose}' AND channel IN ({named}))"
