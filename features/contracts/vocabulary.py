"""Names that raw tables share: the two time columns, and the values of category columns.

It needs no library, so that the feature catalogue is read in no time.
"""

HAPPENED, ARRIVED = "happened_at", "arrived_at"
"""When a row's event happened or its state began to hold, and when the row reached the operator's
data platform.
"""

SEGMENTS = ("consumer", "sole_trader", "sme", "enterprise")
AGE_BANDS = ("under_18", "18_24", "25_34", "35_44", "45_54", "55_64", "65_74", "75_over")
PRODUCT_LINES = ("mobile", "broadband", "tv")
BILLING_TYPES = ("postpaid", "prepaid", "fixed")
STATUSES = ("active", "suspended", "ended")
STATUS_REASONS = (
    *("customer_request", "non_payment", "fraud", "inactivity", "moved", "deceased"),
    *("migration", "transfer", "sim_swap", "other"),
)
REPLACEMENTS = ("migration", "transfer", "sim_swap")
CONSENT_PURPOSES = ("offers", "surveys", "profiling", "any_contact", "traffic_marketing")
CONTACT_CHANNELS = ("sms", "email", "app", "phone", "post", "store")
TIERS = ("none", "silver", "gold", "platinum")
APP_EVENTS = ("login", "bill_page", "plan_page", "cancel_page", "rating")
RECHARGE_CHANNELS = ("app", "web", "store", "voucher", "auto")
ORDER_KINDS = ("new_line", "plan_change", "device", "relocation", "repair", "other")
PAYMENT_METHODS = ("autopay", "card", "transfer", "cash", "other")
REFUND_REASONS = ("billing_error", "outage", "goodwill", "other")
INTERACTION_CHANNELS = ("phone", "ivr", "bot", "chat", "email", "app", "store", "social")
ISSUES = ("billing", "network", "technical", "plan", "cancellation", "device", "order", "other")
TICKET_CLASSES = ("attitude", "efficiency", "quality", "price", "other")
TICKET_KINDS = ("complaint", "fault", "request")
TICKET_STATUSES = ("opened", "responded", "resolved", "reopened", "closed")
INCIDENT_LEVELS = ("cell", "region", "nation")
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
OUTCOMES = ("accepted", "resolved", "retained", "churned", "answered", "complained", "opted_out")
VOLUNTARY_CHURN = ("cancellation", "port_out", "product_drop", "inactivity")
INVOLUNTARY_CHURN = ("non_payment", "fraud", "moved", "deceased")
