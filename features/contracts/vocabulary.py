"""Names that raw tables share: the two time columns, and the values of category columns.

It needs no library, so that the feature catalogue is read in no time.
"""

from typing import Final

HAPPENED, ARRIVED = "happened_at", "arrived_at"
"""When a row's event happened or its state began to hold, and when the row reached the operator's
data platform.
"""

OTHER: Final = "other"
"""What a category is read as that is not in its column's list, or empty where one is required.

It stands in the list of every category column but those that may be empty and say more by that. A
position in one of the tuples below is a code that models have learnt from: names are added at their
end, and `OTHER` is not in them, so that features are null for it.
"""

SEGMENTS = ("consumer", "sole_trader", "sme", "enterprise")
AGE_BANDS = ("under_18", "18_24", "25_34", "35_44", "45_54", "55_64", "65_74", "75_over")
PRODUCT_LINES = ("mobile", "broadband", "tv")
BILLING_TYPES = ("postpaid", "prepaid", "fixed")
STATUSES = ("active", "suspended", "ended", "pending_terminate")
ACCOUNT_STATUSES = ("active", "suspended", "closed")
ACCESS_TECHNOLOGIES = ("fibre", "cable", "dsl", "fixed_wireless", "satellite")
OFFERING_KINDS = ("plan", "add_on", "bundle")
PRODUCT_KINDS = ("add_on", "bundle", "device", "insurance", "content")
STATUS_REASONS = (
    *("customer_request", "non_payment", "fraud", "inactivity", "moved", "deceased"),
    *("migration", "transfer", "sim_swap", "other"),
)
REPLACEMENTS = ("migration", "transfer", "sim_swap")
CONSENT_PURPOSES = ("offers", "surveys", "profiling", "any_contact", "traffic_marketing")
CONTACT_CHANNELS = ("sms", "email", "app", "phone", "post", "store")
ANY_CHANNEL = "any"
"""What a consent names in place of a channel: it is said of all of them."""
LISTED, NOT_LISTED = "listed", "not_listed"
SCREENING_RESULTS = (LISTED, NOT_LISTED)
"""What comes of a comparison with a do-not-call register."""
TIERS = ("none", "silver", "gold", "platinum")
APP_EVENTS = ("login", "bill_page", "plan_page", "cancel_page", "rating")
RECHARGE_CHANNELS = ("app", "web", "store", "voucher", "auto")
PORT_STEPS = (
    *("requested", "withdrawn", "completed"),
    *("eligibility_asked", "code_issued", "rejected", "lapsed"),
)
PORT_STEPS_OVER = ("withdrawn", "completed", "rejected", "lapsed")
NOTICE_STEPS = ("given", "withdrawn")
ORDER_KINDS = ("new_line", "plan_change", "device", "relocation", "repair", "other")
PAYMENT_METHODS = ("autopay", "card", "transfer", "cash", "other")
BILL_LINE_KINDS = ("recurring", "usage", "one_off", "discount", "tax")
REFUND_REASONS = ("billing_error", "outage", "goodwill", "other")
INTERACTION_CHANNELS = ("phone", "ivr", "bot", "chat", "email", "app", "store", "social")
ISSUES = ("billing", "network", "technical", "plan", "cancellation", "device", "order", "other")
TICKET_CLASSES = ("attitude", "efficiency", "quality", "price", "other")
TICKET_KINDS = ("complaint", "fault", "request")
TICKET_STATUSES = ("opened", "responded", "resolved", "reopened", "closed", "cancelled")
TICKETS_OVER = ("resolved", "closed", "cancelled")
INCIDENT_LEVELS = ("cell", "region", "nation")
TICKET_SOURCES = ("operator", "regulator", "consumer_body", "hotline", "media")
AREA_KINDS = ("urban", "rural")
SEVERITIES = ("minor", "major", "critical")
SURVEY_KINDS = ("relationship", "transactional")
TOUCHPOINTS = ("none", "phone", "bot", "chat", "store", "app", "repair", "installation", "bill")
INSTRUMENTS = ("csat", "nps", "ces")
DIMENSIONS = (
    "overall",
    "attitude",
    "response_speed",
    "quality",
    "support",
    "network_stability",
    "price_transparency",
)
ARMS = ("treatment", "control", "holdout")
OUTCOMES = (
    *("accepted", "resolved", "retained", "churned", "answered", "complained", "opted_out"),
    *("opened", "clicked", "declined", "sent", "delivered"),
)
HORIZON_DAYS = (30, 60, 90)
"""Horizons that losses are told for, and campaigns are measured over, shortest first."""

VOLUNTARY_CHURN = ("cancellation", "port_out", "product_drop", "inactivity")
INVOLUNTARY_CHURN = ("non_payment", "fraud", "moved", "deceased")
