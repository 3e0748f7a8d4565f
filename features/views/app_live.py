"""The view `app_live`: what a customer does in the app and in self-service."""

from features.sql.expressions import within
from features.sql.known_rows import MOMENTS, moments, rows_within
from features.views.declaration import NEVER, Shared, View

_APP = Shared(
    driver="relationship", tables=("app_events",), null=NEVER, live=True, data_class="traffic"
)

# fmt: off
VIEW = View("app_live", "customer", (
    _APP.field("app_logins_28d", "log-ins", "app_use", "Log-ins in 28 days"),
    _APP.field("app_logins_28d_vs_own", "log-ins per week", "app_use",
               "Log-ins per week in 28 days minus in the 22 weeks before"),
    _APP.field("cancel_pages_91d", "visits", "cancellation_talk",
               "Visits of the cancellation page in 91 days"),
    _APP.field("last_app_rating", "stars of 5", "last_answer",
               "Last rating given in the app in 182 days",
               dissatisfaction="decreasing", data_class="none",
               null="no rating in the app in 182 days"),
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
        One row for each row of `asked`: its customer_id and cutoff, then the view's features, not
        rounded.
    """
    return f"""
    WITH {MOMENTS} AS ({moments("customer_id", asked)}),
    app AS (
        SELECT
            customer_id,
            cutoff,
            count(*) FILTER (event = 'login' AND {within("seen", "cutoff", 28)}) AS logins_28d,
            count(*) FILTER (event = 'login') AS logins_182d,
            count(*) FILTER (event = 'cancel_page' AND {within("seen", "cutoff", 91)}) AS cancel_pages_91d,
            arg_max(rating, happened_at) FILTER (event = 'rating' AND rating IS NOT NULL) AS last_rating
        FROM ({rows_within("app_events", "customer_id", "t.event, t.rating, t.happened_at", 182)}) AS seen
        GROUP BY customer_id, cutoff
    )
    SELECT
        a.customer_id,
        a.cutoff,
        coalesce(app.logins_28d, 0) AS app_logins_28d,
        coalesce(app.logins_28d / 4 - (app.logins_182d - app.logins_28d) / 22, 0) AS app_logins_28d_vs_own,
        coalesce(app.cancel_pages_91d, 0) AS cancel_pages_91d,
        app.last_rating AS last_app_rating
    FROM {asked} AS a
    LEFT JOIN app ON app.customer_id = a.customer_id AND app.cutoff = a.cutoff
    """
