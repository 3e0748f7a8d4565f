"""The view `billing_live`: bills, payments, arrears and refunds of an account."""

from features.sql.expressions import days_between, within
from features.sql.known_rows import MOMENTS, moments, rows_in_force, rows_within
from features.views.declaration import ALL_LINES, NEVER, NOT_KNOWN, UNDER_CONTRACT, Shared, View

_BILL = Shared(driver="price", tables=("bills",), null=NEVER, live=True, lines=UNDER_CONTRACT)
_PAYMENT = _BILL.but(tables=("payments",))
_ARREARS = _BILL.but(tables=("arrears",))

# fmt: off
VIEW = View("billing_live", "account", (
    _BILL.field("last_bill", "currency", "bill", "Amount of the last bill of 91 days",
                null="no bill in 91 days"),
    _BILL.field("bill_vs_own", "ratio", "bill_shock",
                "Last bill of 91 days over the median of the bills before it in 182 days",
                actionable=True, null="no bill in 91 days, or no earlier one above 0"),
    _BILL.field("last_out_of_bundle", "currency", "overage",
                "Part of the last bill of 91 days beyond what plans include", actionable=True,
                null="no bill in 91 days, or no such part stated on it"),
    _BILL.field("days_to_discount_end", "days", "promotion_end",
                "Until the last bill's discount ends, negative after", actionable=True,
                null="no bill in 91 days, or no discount on it"),
    _BILL.field("disputes_182d", "bills", "dispute", "Disputed bills in 182 days",
                actionable=True, dissatisfaction="increasing"),
    _PAYMENT.field("late_payments_182d", "payments", "late_payment",
                   "Payments made late in 182 days"),
    _PAYMENT.field("failed_payments_91d", "payments", "late_payment",
                   "Payments that failed in 91 days"),
    _ARREARS.field("arrears_amount", "currency", "arrears", "Overdue"),
    _ARREARS.field("arrears_days", "days", "arrears",
                   "Since the oldest unpaid bill was due; 0 when settled", null=NOT_KNOWN),
    _BILL.field("refunds_182d", "currency", "refund", "Given back in 182 days",
                tables=("refunds",), lines=ALL_LINES),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    Parameters
    ----------
    asked : str
        A relation with the columns account_id and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    bill = "t.bill_id, t.happened_at, t.amount, t.out_of_bundle, t.discount_end_at, t.disputed"
    owed = {"amount": "t.amount", "oldest_due_at": "t.oldest_due_at"}
    return f"""
    WITH {MOMENTS} AS ({moments("account_id", asked)}),
    billed AS (
        SELECT *, row_number() OVER (PARTITION BY account_id, cutoff ORDER BY happened_at DESC, bill_id DESC) AS back
        FROM ({rows_within("bills", "account_id", bill, 182)})
    ),
    last AS (SELECT * FROM billed WHERE back = 1 AND {within("billed", "cutoff", 91)}),
    bill AS (
        SELECT
            account_id,
            cutoff,
            median(amount) FILTER (back > 1) AS median_before,
            count(*) FILTER (disputed) AS disputes_182d
        FROM billed
        GROUP BY account_id, cutoff
    ),
    payment AS (
        SELECT
            account_id,
            cutoff,
            count(*) FILTER (status = 'paid' AND days_late > 0) AS late_182d,
            count(*) FILTER (status = 'failed' AND {within("paid", "cutoff", 91)}) AS failed_91d
        FROM ({rows_within("payments", "account_id", "t.happened_at, t.status, t.days_late", 182)}) AS paid
        GROUP BY account_id, cutoff
    ),
    owed AS ({rows_in_force("arrears", "account_id", owed)}),
    refund AS (
        SELECT account_id, cutoff, sum(amount) AS amount_182d
        FROM ({rows_within("refunds", "account_id", "t.amount", 182)})
        GROUP BY account_id, cutoff
    )
    SELECT
        a.account_id,
        a.cutoff,
        last.amount AS last_bill,
        CASE WHEN bill.median_before > 0 THEN last.amount / bill.median_before END AS bill_vs_own,
        last.out_of_bundle AS last_out_of_bundle,
        {days_between("a.cutoff", "last.discount_end_at")} AS days_to_discount_end,
        coalesce(bill.disputes_182d, 0) AS disputes_182d,
        coalesce(payment.late_182d, 0) AS late_payments_182d,
        coalesce(payment.failed_91d, 0) AS failed_payments_91d,
        coalesce(owed.amount, 0) AS arrears_amount,
        CASE WHEN owed.amount > 0 THEN {days_between("owed.oldest_due_at", "a.cutoff")} ELSE 0 END AS arrears_days,
        coalesce(refund.amount_182d, 0) AS refunds_182d
    FROM {asked} AS a
    LEFT JOIN last ON last.account_id = a.account_id AND last.cutoff = a.cutoff
    LEFT JOIN bill ON bill.account_id = a.account_id AND bill.cutoff = a.cutoff
    LEFT JOIN payment ON payment.account_id = a.account_id AND payment.cutoff = a.cutoff
    LEFT JOIN owed ON owed.account_id = a.account_id AND owed.cutoff = a.cutoff
    LEFT JOIN refund ON refund.account_id = a.account_id AND refund.cutoff = a.cutoff
    """
