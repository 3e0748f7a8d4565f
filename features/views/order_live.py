"""The view `order_live`: a customer's orders and appointments."""

from features.sql.known_rows import MOMENTS, moments, rows_within
from features.views.declaration import MORE_IS_WORSE, NEVER, Shared, View

_SERVICE = Shared(
    driver="service", tables=("appointments",), null=NEVER, actionable=True, live=True
)

# fmt: off
VIEW = View("order_live", "customer", (
    _SERVICE.field("missed_appointments_182d", "appointments", "appointment",
                   "Appointments missed by the operator in 182 days", **MORE_IS_WORSE),
    _SERVICE.field("open_orders", "orders", "order",
                   "Orders placed in 182 days, since then neither completed nor cancelled",
                   tables=("orders",)),
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
    missed AS (
        SELECT customer_id, cutoff, count(*) FILTER (status = 'missed') AS appointments
        FROM ({rows_within("appointments", "customer_id", "t.status", 182)})
        GROUP BY customer_id, cutoff
    ),
    placed AS (
        SELECT
            customer_id,
            cutoff,
            order_id,
            bool_or(status = 'placed') AS is_placed,
            bool_or(status IN ('completed', 'cancelled')) AS is_over
        FROM ({rows_within("orders", "customer_id", "t.order_id, t.status", 182)})
        GROUP BY customer_id, cutoff, order_id
    ),
    pending AS (
        SELECT customer_id, cutoff, count(*) FILTER (is_placed AND NOT is_over) AS orders
        FROM placed
        GROUP BY customer_id, cutoff
    )
    SELECT
        a.customer_id,
        a.cutoff,
        coalesce(missed.appointments, 0) AS missed_appointments_182d,
        coalesce(pending.orders, 0) AS open_orders
    FROM {asked} AS a
    LEFT JOIN missed ON missed.customer_id = a.customer_id AND missed.cutoff = a.cutoff
    LEFT JOIN pending ON pending.customer_id = a.customer_id AND pending.cutoff = a.cutoff
    """
