"""An operator's tables shaped like TM Forum's APIs, flattened, and their views under our names.

Columns are called as paths in the JSON (``relatedParty.id``), statuses as the APIs define them. All
rows are made up. The database is SQLite, where every value of a view is text or a number.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

START = datetime(2025, 1, 6, tzinfo=UTC)
DAYS = 175
NOW = START + timedelta(days=DAYS)

CUSTOMERS = 400
"""There are one and a half times as many lines as customers, and as many add-ons as lines."""

_LINE_STATUSES = (
    *("pendingTerminate", "terminated", "suspended", "aborted", "cancelled", "pendingActive"),
)
_TICKET_STEPS = ("acknowledged", "inProgress", "pending", "held", "resolved", "closed")
_RATES = ("recurringCharge", "usageCharge", "oneTimeCharge", "discount", "tax")

Rows = list[dict[str, Any]]


def tmf_tables(customers_drawn: int = CUSTOMERS, seed: int = 7) -> dict[str, Rows]:
    """Draw the tables, by the name of the resource that a row is.

    TMF629 ``customer``, TMF637 ``product``, TMF620 ``productOffering``, TMF666 ``billingAccount``,
    TMF678 ``customerBill`` and ``appliedCustomerBillingRate``, TMF621 ``troubleTicket`` (a row per
    change of status), TMF681 ``communicationMessage``.
    """
    random = np.random.default_rng(seed)
    customers = [f"cust-{number:04d}" for number in range(customers_drawn)]
    accounts = [
        (f"acc-{number:04d}-{k}", customer)
        for number, customer in enumerate(customers)
        for k in range(1 + number % 2)
    ]
    lines = [
        (f"prod-{number:05d}", *accounts[number % len(accounts)]) for number in range(len(accounts))
    ]
    products = [*_lines(lines, random), *_add_ons(lines, random), *_bundles(lines, random)]
    bills = list(_bills(accounts, random))
    return {
        "customer": [
            {
                "id": customer,
                "@type": "Customer",
                "status": "Approved",
                "externalIdentifier.id": f"CRM{9_000_000 + k}",
                "externalIdentifier.owner": "crm",
                "engagedParty.@referredType": "Organization" if k % 9 == 0 else "Individual",
                "contactMedium.stateOrProvince": ("North", "South")[k % 2],
                "validFor.startDateTime": _iso(-400 - k),
                "lastUpdate": _iso(-390),
            }
            for k, customer in enumerate(customers)
        ],
        "product": products,
        "productOffering": [
            {
                "id": offering,
                "@type": "BundledProductOffering" if kind == "bundle" else "ProductOffering",
                "isBundle": int(kind == "bundle"),
                "category.name": category,
                "lifecycleStatus": "Launched",
                "productOfferingPrice.price.value": price,
                "lastUpdate": _iso(-600),
            }
            for offering, kind, category, price in _OFFERINGS
        ],
        "billingAccount": [
            {
                "id": account,
                "@type": "BillingAccount",
                "state": "inCollection" if k % 20 == 0 else "active",
                "relatedParty.id": customer,
                "paymentMethod.@type": ("directDebit", "bankCard", "cash", "voucher")[k % 4],
                "lastUpdate": _iso(-380),
            }
            for k, (account, customer) in enumerate(accounts)
        ],
        "customerBill": bills,
        "appliedCustomerBillingRate": list(_rates(bills, products, random)),
        "troubleTicket": list(_tickets(products, random)),
        "communicationMessage": [
            {
                "id": f"msg-{number:05d}",
                "@type": "CommunicationMessage",
                "messageType": ("SMS", "Email", "MobileAppPush", "WhatsApp")[number % 4],
                "state": ("completed", "failed", "inProgress")[number % 3],
                "receiver.party.id": customers[int(random.integers(len(customers)))],
                "characteristic.purpose": ("care", "service")[number // 4 % 2],
                "sendTime": _iso(float(random.integers(DAYS - 90, DAYS - 1))),
            }
            for number in range(3 * customers_drawn // 4)
        ],
    }


_OFFERINGS = (
    ("off-mob-s", "plan", "Mobile", 12.0),
    ("off-mob-l", "plan", "Mobile", 29.0),
    ("off-bb", "plan", "Fixed broadband", 35.0),
    ("off-add-roam", "add_on", "Roaming add-on", 6.0),
    ("off-add-data", "add_on", "Data add-on", 4.0),
    ("off-home", "bundle", "Home bundle", 55.0),
)


def _lines(lines: Sequence[tuple[str, str, str]], random: Any) -> Iterator[dict[str, Any]]:
    for number, (product, account, customer) in enumerate(lines):
        is_fixed = number % 4 == 0
        offering = "off-bb" if is_fixed else ("off-mob-s", "off-mob-l")[number % 2]
        first = {
            "id": product,
            "@type": "Product",
            "isBundle": 0,
            "productSpecification.name": "line",
            "status": "active",
            "startDate": _iso(-380 + number % 300),
            "terminationDate": None,
            "relatedParty.id": customer,
            "billingAccount.id": account,
            "productOffering.id": offering,
            "productOffering.category.name": "Fixed broadband" if is_fixed else "Mobile",
            "productRelationship.id": None,
            "productCharacteristic.technology": "FTTH" if is_fixed else None,
            "productCharacteristic.downloadSpeed": 100 if is_fixed else None,
            "productPrice.price.value": 0,
            "lastUpdate": _iso(-380 + number % 300),
        }
        yield first
        if number % 5 == 0:
            day = float(random.integers(100, DAYS - 10))
            status = _LINE_STATUSES[(number // 5) % len(_LINE_STATUSES)]
            end = _iso(day + 30) if status == "pendingTerminate" else None
            yield {**first, "status": status, "terminationDate": end, "lastUpdate": _iso(day)}


def _add_ons(lines: Sequence[tuple[str, str, str]], random: Any) -> Iterator[dict[str, Any]]:
    for number in range(len(lines)):
        product, account, customer = lines[int(random.integers(len(lines)))]
        day = float(random.integers(-200, DAYS - 10))
        yield {
            **_product(f"addon-{number:04d}", account, customer, day),
            "productSpecification.name": "addOn",
            "status": ("active", "terminated", "pendingActive")[number % 3],
            "productOffering.id": ("off-add-roam", "off-add-data")[number % 2],
            "productOffering.category.name": ("Roaming add-on", "Data add-on")[number % 2],
            "productRelationship.id": product,
            "productPrice.price.value": (6, 4)[number % 2],
        }


def _bundles(lines: Sequence[tuple[str, str, str]], random: Any) -> Iterator[dict[str, Any]]:
    for number in range(len(lines) // 8):
        _, account, customer = lines[int(random.integers(len(lines)))]
        yield {
            **_product(f"bundle-{number:04d}", account, customer, -300 + number),
            "isBundle": 1,
            "productSpecification.name": "bundle",
            "status": "active",
            "productOffering.id": "off-home",
            "productOffering.category.name": "Home bundle",
            "productPrice.price.value": 0,
        }


def _product(name: str, account: str, customer: str, day: float) -> dict[str, Any]:
    return {
        "id": name,
        "@type": "Product",
        "isBundle": 0,
        "startDate": _iso(day),
        "terminationDate": None,
        "relatedParty.id": customer,
        "billingAccount.id": account,
        "productRelationship.id": None,
        "productCharacteristic.technology": None,
        "productCharacteristic.downloadSpeed": None,
        "lastUpdate": _iso(day),
    }


def _bills(accounts: Sequence[tuple[str, str]], random: Any) -> Iterator[dict[str, Any]]:
    for month in range(6):
        for k, (account, _) in enumerate(accounts):
            day = month * 28 + 3.0
            yield {
                "id": f"bill-{month}-{k:04d}",
                "@type": "CustomerBill",
                "state": ("settled", "sent", "partiallyPaid", "validated")[k % 4],
                "billDate": _iso(day),
                "paymentDueDate": _iso(day + 14),
                "amountDue.value": round(float(random.gamma(8, 5)), 2),
                "amountDue.unit": "EUR",
                "billingAccount.id": account,
                "lastUpdate": _iso(day),
            }


def _rates(bills: Rows, products: Rows, random: Any) -> Iterator[dict[str, Any]]:
    owned: dict[str, list[str]] = {}
    for product in products:
        owned.setdefault(product["billingAccount.id"], []).append(product["id"])
    for number, bill in enumerate(bills):
        for k in range(2):
            of_account = owned[bill["billingAccount.id"]]
            product = of_account[int(random.integers(len(of_account)))]
            yield {
                "id": f"{bill['id']}-{k}",
                "@type": "AppliedCustomerBillingRate",
                "type": _RATES[(number + k) % len(_RATES)],
                "bill.id": bill["id"],
                # Some charges are for products of a system that was not loaded.
                "product.id": "legacy-1" if number % 20 == 0 else product,
                "taxIncludedAmount.value": round(float(random.gamma(4, 4)), 2),
                "date": bill["billDate"],
            }


def _tickets(products: Rows, random: Any) -> Iterator[dict[str, Any]]:
    for number in range(len(products) // 3):
        product = products[int(random.integers(len(products)))]
        opened = float(random.integers(20, DAYS - 20))
        last = 2 + number % (len(_TICKET_STEPS) - 1)
        steps = (*_TICKET_STEPS[:last], *(("cancelled", "rejected")[number % 2 :][:1] * (last < 4)))
        for k, status in enumerate(steps):
            yield {
                "id": f"tt-{number:04d}",
                "@type": "TroubleTicket",
                "ticketType": ("complaint", "incident", "serviceRequest", "billing")[number % 4],
                "severity": ("Minor", "Major", "Critical", "Blocker")[number % 4],
                "status": status,
                "creationDate": _iso(opened),
                "statusChangeDate": _iso(opened + k * 0.7),
                "expectedResolutionDate": _iso(opened + 3),
                "relatedParty.id": product["relatedParty.id"],
                "relatedEntity.id": product["id"],
                "channel.name": ("callCenter", "selfService", "regulator")[number % 3],
                "externalId": f"REG-{number}" if number % 3 == 2 else None,
                "lastUpdate": _iso(opened + k * 0.7),
            }


def _iso(day: float) -> str:
    return f"{START + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"


_TIMES = '"lastUpdate" AS happened_at, "lastUpdate" AS arrived_at'
_PRODUCT = """"relatedParty.id" AS customer_id, "productOffering.id" AS plan_id,
    CASE status WHEN 'terminated' THEN 'ended' ELSE status END AS status,
    "startDate" AS activated_at"""
_LINE = f"""SELECT id AS subscription_id, {_PRODUCT},
    CASE "productOffering.category.name" WHEN 'Fixed broadband' THEN 'broadband'
        ELSE "productOffering.category.name" END AS product_line,
    CASE "productOffering.category.name" WHEN 'Fixed broadband' THEN 'fixed' WHEN 'Mobile' THEN 'postpaid'
        ELSE "productOffering.category.name" END AS billing_type,
    "billingAccount.id" AS account_id, "terminationDate" AS ends_at,
    CASE "productCharacteristic.technology" WHEN 'FTTH' THEN 'fibre' END AS access_technology,
    "productCharacteristic.downloadSpeed" AS sold_download_mbps, {_TIMES}
    FROM product"""

VIEWS: Mapping[str, str] = {
    "customers": f"""SELECT id AS customer_id,
        CASE "engagedParty.@referredType" WHEN 'Individual' THEN 'consumer' ELSE 'sme' END AS segment,
        "contactMedium.stateOrProvince" AS region, "validFor.startDateTime" AS first_seen_at, {_TIMES}
        FROM customer""",
    "plans": f"""SELECT id AS plan_id,
        CASE "category.name" WHEN 'Fixed broadband' THEN 'broadband' ELSE "category.name" END
            AS product_line,
        CASE "category.name" WHEN 'Fixed broadband' THEN 'fixed' WHEN 'Mobile' THEN 'postpaid'
            ELSE "category.name" END AS billing_type,
        CASE WHEN "isBundle" THEN 'bundle' WHEN "category.name" LIKE '%add-on' THEN 'add_on'
            ELSE 'plan' END AS kind,
        "productOfferingPrice.price.value" AS monthly_fee, {_TIMES} FROM "productOffering" """,
    "bills": f"""SELECT id AS bill_id, "billingAccount.id" AS account_id,
        "paymentDueDate" AS due_at, "amountDue.value" AS amount, {_TIMES} FROM "customerBill" """,
    "tickets": """SELECT id AS ticket_id, "relatedParty.id" AS customer_id,
        "relatedEntity.id" AS subscription_id, 'other' AS ticket_class,
        CASE "ticketType" WHEN 'incident' THEN 'fault' WHEN 'serviceRequest' THEN 'request'
            ELSE "ticketType" END AS ticket_kind,
        CASE status WHEN 'acknowledged' THEN 'opened' ELSE status END AS status, severity,
        "expectedResolutionDate" AS due_at,
        CASE "channel.name" WHEN 'regulator' THEN 'regulator' ELSE 'operator' END AS received_from,
        "externalId" AS regulator_case_id, "statusChangeDate" AS happened_at,
        "lastUpdate" AS arrived_at FROM "troubleTicket" """,
    "care_contacts": """SELECT id AS contact_id, "receiver.party.id" AS customer_id,
        'message' AS action, "messageType" AS channel, 'treatment' AS arm,
        CASE state WHEN 'completed' THEN 'true' WHEN 'failed' THEN 'false' END AS delivered,
        "sendTime" AS happened_at, "sendTime" AS arrived_at FROM "communicationMessage" """,
}
"""Views for contracts that only know subscriptions: they rename, and translate what has an equal."""

SPLIT_VIEWS: Mapping[str, str] = {
    "subscriptions": f"""{_LINE} WHERE "productSpecification.name" = 'line'""",
    "products": f"""SELECT id AS product_id, {_PRODUCT},
        "productRelationship.id" AS subscription_id, "productSpecification.name" AS kind,
        "terminationDate" AS ends_at,
        "productPrice.price.value" AS monthly_fee, {_TIMES} FROM product
        WHERE "productSpecification.name" <> 'line'""",
    "external_ids": f"""SELECT id AS customer_id, "externalIdentifier.owner" AS system,
        "externalIdentifier.id" AS external_id, {_TIMES} FROM customer""",
    "accounts": f"""SELECT id AS account_id, "relatedParty.id" AS customer_id, state AS status,
        CASE "paymentMethod.@type" WHEN 'directDebit' THEN 'autopay' WHEN 'bankCard' THEN 'card'
            ELSE "paymentMethod.@type" END AS payment_method, {_TIMES} FROM "billingAccount" """,
    "bill_lines": """SELECT "bill.id" AS bill_id, id AS line_id,
        CASE WHEN "product.id" LIKE 'prod-%' THEN "product.id" END AS subscription_id,
        CASE WHEN "product.id" NOT LIKE 'prod-%' THEN "product.id" END AS product_id,
        CASE type WHEN 'recurringCharge' THEN 'recurring' WHEN 'usageCharge' THEN 'usage'
            WHEN 'oneTimeCharge' THEN 'one_off' ELSE type END AS kind,
        "taxIncludedAmount.value" AS amount, date AS happened_at, date AS arrived_at
        FROM "appliedCustomerBillingRate" """,
}
"""Views for what contracts have beside the line since."""

JOINED_VIEWS: Mapping[str, str] = {
    "subscriptions": _LINE,
}
"""Views for contracts that take every product for a subscription, and know no line of a bill."""


def write_tmf_database(
    folder: Path, customers: int = CUSTOMERS, *, split: bool = True, views: bool = True
) -> str:
    """Write tables and views as ``tmf.sqlite``; returns its URL.

    Parameters
    ----------
    folder : Path
        Gets the file.
    customers : int
        How many.
    split : bool
        Whether products beside the line have a view of their own.
    views : bool
        Whether there are views at all.
    """
    path = folder / "tmf.sqlite"
    with sqlite3.connect(path) as database:
        for name, rows in tmf_tables(customers).items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            quoted = ", ".join(f'"{column}"' for column in columns)
            database.execute(f'CREATE TABLE "{name}" ({quoted})')
            gaps = ", ".join("?" * len(columns))
            database.executemany(
                f'INSERT INTO "{name}" VALUES ({gaps})',  # our own names
                [[row.get(column) for column in columns] for row in rows],
            )
        wanted = {**VIEWS, **(SPLIT_VIEWS if split else JOINED_VIEWS)} if views else {}
        for name, query in wanted.items():
            database.execute(f"CREATE VIEW {name} AS {query}")
    database.close()
    return f"sqlite:///{path}"
