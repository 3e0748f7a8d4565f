import pytest

from features.contracts.tables import TABLES
from features.guessing.vocabulary import (
    column_words,
    document,
    likeness,
    table_words,
    tokens,
    value_words,
)
from features.raw_tables.plan import allowed_values


def test_the_vocabulary_is_about_the_contracts() -> None:
    said = document()
    columns = {column for table in TABLES.values() for column in table.columns}
    assert set(said["tables"]) <= set(TABLES)
    assert set(said["columns"]) <= columns
    assert set(said["columns of"]) <= {
        f"{name}.{column}" for name, table in TABLES.items() for column in table.columns
    }
    for column, values in said["values of"].items():
        allowed = {
            value
            for table in TABLES.values()
            if column in table.columns
            for value in allowed_values(table, column)
        }
        assert set(values) <= allowed, column


@pytest.mark.parametrize(
    ("written", "table", "column"),
    [
        ("KUNDENNR", "customers", "customer_id"),
        ("Kunden-Nr.", "customers", "customer_id"),
        ("CRM_CUSTOMER_ID", "customers", "customer_id"),
        ("customerID", "customers", "customer_id"),
        ("engagedPartyId", "customers", "customer_id"),
        ("客户编号", "customers", "customer_id"),
        ("id_cliente", "customers", "customer_id"),
        ("productOfferingId", "subscriptions", "plan_id"),
        ("startDate", "subscriptions", "activated_at"),
        ("statusChangeDate", "tickets", "happened_at"),
        ("paymentDueDate", "bills", "due_at"),
        ("fecha_vencimiento", "bills", "due_at"),
        ("LADEDATUM", "bills", "arrived_at"),
    ],
)
def test_a_column_is_known_by_what_others_call_it(written: str, table: str, column: str) -> None:
    others = {
        other: likeness(written, column_words(table, other)) for other in TABLES[table].columns
    }
    assert max(others, key=lambda one: others[one]) == column
    assert others[column] > 0.7


def test_names_are_compared_by_their_words() -> None:
    assert tokens("crm_customerID") == ["crm", "customer", "id"]
    assert tokens("HTTPStatusCode") == ["http", "statu", "code"]
    assert likeness("TroubleTicket", table_words("tickets")) == 1
    assert likeness("Wetter", table_words("customers")) == 0
    assert value_words("customers", "segment")["pk"] == "consumer"
    # A word of one table's list is none of another's.
    assert "offen" not in value_words("subscriptions", "status")
