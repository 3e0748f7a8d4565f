"""Raw tables of money: bills, payments, arrears, refunds, price changes."""

from features.contracts.schema import (
    Table,
    account,
    amount,
    choice,
    flag,
    identifier,
    number,
    subscription,
    table,
    time,
)
from features.contracts.vocabulary import (
    BILL_LINE_KINDS,
    HAPPENED,
    PAYMENT_METHODS,
    REFUND_REASONS,
)

MONEY: tuple[Table, ...] = (
    table(
        "bills",
        "money",
        "A bill",
        "event",
        ("bill_id",),
        {
            "bill_id": identifier("The bill"),
            "account_id": account(),
            "due_at": time("When it is to be paid"),
            "amount": amount("To pay", None, null=False),
            "out_of_bundle": amount("Part of it beyond what plans include"),
            "discount": amount("Discount already taken off"),
            "discount_end_at": time("When the discount ends; null without one"),
            "disputed": flag(
                "The customer disputes it: a correction of the row as it first arrived"
            ),
        },
    ),
    table(
        "bill_lines",
        "money",
        "A line of a bill",
        "event",
        ("bill_id", "line_id"),
        {
            "bill_id": identifier("The bill", "bills"),
            "line_id": identifier("The line's number or id, within the bill"),
            "subscription_id": subscription(null=True),
            "product_id": identifier("The product charged for", "products", null=True),
            "kind": choice("What is charged", BILL_LINE_KINDS),
            "amount": amount("Charged, or taken off where negative", None, null=False),
        },
    ),
    table(
        "payments",
        "money",
        "A payment, or an attempt that failed",
        "event",
        ("payment_id",),
        {
            "payment_id": identifier("The payment"),
            "account_id": account(),
            "bill_id": identifier("The bill it pays", "bills", null=True),
            "amount": amount("Paid, or tried"),
            "method": choice("How", PAYMENT_METHODS, null=True),
            "status": choice("Whether it went through", ("paid", "failed")),
            "days_late": number("Days after the bill was due; 0 when in time", "days"),
        },
    ),
    table(
        "arrears",
        "money",
        "What an account owes beyond its due dates",
        "state",
        ("account_id",),
        {
            "account_id": account(),
            "amount": amount("Overdue; 0 when settled", null=False),
            "oldest_due_at": time("Due date of the oldest unpaid bill; null when settled"),
        },
    ),
    table(
        "refunds",
        "money",
        "A refund or credit",
        "event",
        ("refund_id",),
        {
            "refund_id": identifier("The refund"),
            "account_id": account(),
            "amount": amount("Given back", null=False),
            "reason": choice("Why", REFUND_REASONS, null=True),
        },
    ),
    table(
        "price_changes",
        "money",
        "Notice of a price change",
        "event",
        ("subscription_id", HAPPENED),
        {
            "subscription_id": subscription(),
            "effective_at": time("When the new price holds", null=False),
            "old_fee": amount("Fee per month before"),
            "new_fee": amount("Fee per month after"),
        },
    ),
)
