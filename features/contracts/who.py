"""Raw tables of who is who: customers, subscriptions, plans, devices, consents, loyalty."""

from features.contracts.schema import (
    Table,
    amount,
    choice,
    count,
    customer,
    flag,
    identifier,
    number,
    subscription,
    table,
    time,
)
from features.contracts.vocabulary import (
    ACCESS_TECHNOLOGIES,
    ACCOUNT_STATUSES,
    AGE_BANDS,
    ANY_CHANNEL,
    BILLING_TYPES,
    CONSENT_PURPOSES,
    CONTACT_CHANNELS,
    OFFERING_KINDS,
    PAYMENT_METHODS,
    PRODUCT_KINDS,
    PRODUCT_LINES,
    REPLACEMENTS,
    SCREENING_RESULTS,
    SEGMENTS,
    STATUS_REASONS,
    STATUSES,
    TIERS,
)

WHO: tuple[Table, ...] = (
    table(
        "customers",
        "who",
        "A person or firm who consents, is contacted, and is satisfied or not",
        "state",
        ("customer_id",),
        {
            "customer_id": identifier("The customer"),
            "household_id": identifier(
                "People whose treatment spills over; the customer alone where unknown", null=True
            ),
            "account_id": identifier("Who pays; the customer alone where unknown", null=True),
            "segment": choice("Kind of customer", SEGMENTS),
            "region": identifier(
                "Region of the home, as the operator names it", null=True, data_class="location"
            ),
            "time_zone": identifier(
                "IANA time zone, such as Asia/Shanghai", null=True, data_class="location"
            ),
            "language": identifier(
                "Language to write in, BCP 47, such as en, zh-Hans or zh-Hant", null=True
            ),
            "age_band": choice(
                "Age band", AGE_BANDS, null=True, data_class="special", unlisted="null"
            ),
            "accessibility_needs": flag("Needs an accessible channel", data_class="special"),
            "first_seen_at": time("Start of the first subscription ever"),
        },
        required=True,
    ),
    table(
        "subscriptions",
        "who",
        "A line or service: what churns",
        "state",
        ("subscription_id",),
        {
            "subscription_id": identifier("The subscription"),
            "customer_id": customer(),
            "product_line": choice("What is provided", PRODUCT_LINES),
            "billing_type": choice("How it is paid; broadband and TV are fixed", BILLING_TYPES),
            "account_id": identifier(
                "The account that it is billed to; the customer's where empty", null=True
            ),
            "plan_id": identifier("Its plan", "plans", null=True),
            "activated_at": time("When service began", null=False),
            "plan_since_at": time("When the present plan began"),
            "commitment_end_at": time("End of the minimum term; null without one"),
            "promotion_end_at": time("End of the promotional price; null without one"),
            "instalment_end_at": time("Last device instalment; null without one"),
            "termination_fee": amount("What leaving today would cost; null where nothing"),
            "autopay": flag("Paid automatically"),
            "status": choice(
                "Whether it is in service; `pending_terminate` is in service until `ends_at`,"
                " and notice was given",
                STATUSES,
            ),
            "ends_at": time("When it is to end, as far as that is known; null without notice"),
            "status_reason": choice("Why it is suspended or ended", STATUS_REASONS, null=True),
            "replaced_by": identifier("The subscription that continues this one", null=True),
            "replacement": choice(
                "How it was replaced: none of these is churn",
                REPLACEMENTS,
                null=True,
                unlisted="null",
            ),
            "access_technology": choice(
                "How a fixed line reaches the home", ACCESS_TECHNOLOGIES, null=True
            ),
            "sold_download_mbps": number("Download speed that was sold", "Mbit/s"),
            "sold_upload_mbps": number("Upload speed that was sold", "Mbit/s"),
            "home_cell_id": identifier(
                "Cell, or exchange, that serves it at home", null=True, data_class="location"
            ),
            "is_test": flag("The operator's own test line"),
            "is_employee": flag("An employee's line"),
            "is_iot": flag("Serves a machine, not a person"),
        },
        required=True,
    ),
    table(
        "accounts",
        "who",
        "An account that bills are written to; a customer may have several",
        "state",
        ("account_id",),
        {
            "account_id": identifier("The account"),
            "customer_id": customer(),
            "status": choice("Whether bills are written to it", ACCOUNT_STATUSES, null=True),
            "payment_method": choice("How its bills are paid", PAYMENT_METHODS, null=True),
            "autopay": flag("Paid automatically"),
            "paperless": flag("Bills are sent electronically"),
            "opened_at": time("When it was opened"),
        },
    ),
    table(
        "external_ids",
        "who",
        "How another system, such as the CRM, knows a customer",
        "state",
        ("customer_id", "system", "external_id"),
        {
            "customer_id": customer(),
            "system": identifier("The other system, as the operator names it"),
            "external_id": identifier("The customer's id there"),
            "valid_until_at": time("When that id ceased to be the customer's; null while it is"),
        },
        use="exclusion and reporting",
    ),
    table(
        "plans",
        "who",
        "An offering of the catalogue: a plan, an add-on or a bundle",
        "state",
        ("plan_id",),
        {
            "plan_id": identifier("The offering"),
            "kind": choice("What is offered; a plan where empty", OFFERING_KINDS, null=True),
            "product_line": choice("What it provides", PRODUCT_LINES),
            "billing_type": choice("How it is paid", BILLING_TYPES),
            "monthly_fee": amount("Fee per month of 30 days", null=False),
            "minutes_allowance": number("Included per month; null for unlimited", "minutes"),
            "data_allowance_gb": number("Included per month; null for unlimited", "GB"),
            "overage_per_minute": amount("Price of a minute beyond the allowance"),
            "overage_per_gb": amount("Price of a GB beyond the allowance"),
            "commitment_months": count("Minimum term", "months", 120),
            "is_offered": flag("Can be bought now"),
        },
    ),
    table(
        "products",
        "who",
        "A product beside the plan, such as an add-on, or a bundle that holds several",
        "state",
        ("product_id",),
        {
            "product_id": identifier("The product that the customer has"),
            "customer_id": customer(),
            "subscription_id": subscription(null=True),
            "plan_id": identifier("What it is in the catalogue", "plans", null=True),
            "bundle_id": identifier("The product that it is part of", null=True),
            "kind": choice("What it is", PRODUCT_KINDS),
            "status": choice("Whether it is in service", STATUSES),
            "activated_at": time("When it began"),
            "ends_at": time("When it ends or ended; null where that is not known"),
            "monthly_fee": amount("Fee per month, beside the plan's"),
        },
    ),
    table(
        "devices",
        "who",
        "The device a subscription is used with",
        "state",
        ("subscription_id",),
        {
            "subscription_id": subscription(),
            "released_at": time("When the model came to market"),
            "is_5g_capable": flag("Can use 5G"),
            "is_dual_sim": flag("Takes a second SIM"),
        },
    ),
    table(
        "consents",
        "who",
        "A consent granted or withdrawn",
        "state",
        ("customer_id", "purpose", "channel"),
        {
            "customer_id": customer(),
            "purpose": choice(
                "`profiling` withdrawn is an objection to profiling,"
                " `any_contact` withdrawn is do-not-contact, `traffic_marketing` granted allows"
                " traffic and location data in marketing",
                CONSENT_PURPOSES,
            ),
            "channel": choice(
                "The channel meant, or `any`, which is said of all of them; what is said later"
                " counts, and of what is said at the same time the withdrawal",
                (*CONTACT_CHANNELS, ANY_CHANNEL),
            ),
            "state": choice("The customer's decision", ("granted", "withdrawn")),
        },
    ),
    table(
        "do_not_call_screenings",
        "who",
        "A comparison of a customer's numbers with a do-not-call register",
        "state",
        ("customer_id", "register"),
        {
            "customer_id": customer(),
            "register": identifier("The register, as the operator names it, such as TPS"),
            "result": choice(
                "`listed` where any number that the customer may be called on is on the register;"
                " `happened_at` is when it was compared",
                SCREENING_RESULTS,
            ),
        },
        use="exclusion and reporting",
    ),
    table(
        "loyalty",
        "who",
        "Standing in the loyalty programme",
        "state",
        ("customer_id",),
        {
            "customer_id": customer(),
            "tier": choice("Tier", TIERS),
            "points": count("Points to spend", "points"),
        },
    ),
)
