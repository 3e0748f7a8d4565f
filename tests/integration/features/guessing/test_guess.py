from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.guessing.guess import MappingGuess, guess_mapping
from features.guessing.text import mapping_text
from features.guessing.writing import shown_source
from features.intake.check import accept
from features.mapping.opening import open_raw_tables
from features.sources.place import open_place
from tests.builders.clocks import NOW
from tests.builders.german_exports import write_german_exports
from tests.builders.telco_dump import write_telco_dump


def _taken(guess: MappingGuess, table: str) -> dict[str, str]:
    (one,) = (one for one in guess.tables if one.table == table)
    return {column.column: column.taken.written for column in one.columns if column.taken}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_german_exports(tmp_path_factory.mktemp("german") / "exports")


@pytest.fixture(scope="module")
def german(exports: Path) -> MappingGuess:
    return guess_mapping(open_place(str(exports)))


def test_tables_and_columns_are_found_by_names_and_values(german: MappingGuess) -> None:
    assert {one.table: one.relation.written for one in german.tables} == {
        "customers": "CRM_KUNDEN",
        "subscriptions": "VERTRAG",
        "bills": "RECHNUNGEN",
    }
    assert german.missing == ()
    assert list(german.unmapped) == ["Wetter"]
    assert _taken(german, "customers") == {
        "customer_id": "KUNDENNR",
        "segment": "KUNDENTYP",
        "region": "BUNDESLAND",
        "first_seen_at": "KUNDE_SEIT",
        "happened_at": "GEAENDERT_AM",
        "arrived_at": "LADEDATUM",
    }
    assert _taken(german, "subscriptions") == {
        "subscription_id": "VERTRAGSNR",
        "customer_id": "REF",
        "product_line": "SPARTE",
        "billing_type": "ABRECHNUNGSART",
        "plan_id": "TARIFCODE",
        "activated_at": "AKTIVIERT_AM",
        "autopay": "LASTSCHRIFT",
        "status": "STATUS",
        "happened_at": "GEAENDERT_AM",
        "arrived_at": "LADEDATUM",
    }
    assert _taken(german, "bills") == {
        "bill_id": "RECHNUNGSNR",
        "account_id": "KUNDENKONTO",
        "due_at": "FAELLIG_AM",
        "amount": "BETRAG",
        "happened_at": "RECHNUNGSDATUM",
    }


def test_a_guess_has_its_evidence(german: MappingGuess) -> None:
    _, subscriptions, bills = german.tables
    columns = {one.column: one for one in subscriptions.columns}
    customer = columns["customer_id"].taken
    assert customer is not None
    # Nothing in the name REF says so: its values are customers' ids.
    assert customer.evidence == ("100% of its values are ids of customers",)
    assert 0.6 < customer.confidence < 0.9
    assert columns["status"].values == {
        "aktiv": "active",
        "gekündigt": "ended",
        "gesperrt": "suspended",
    }
    assert columns["status"].unmapped == {"Sonderfall": 1}
    assert bills.unused == ("BEMERKUNG",)


def test_what_is_asked_stands_in_the_file_with_its_answer(
    german: MappingGuess, exports: Path
) -> None:
    text = mapping_text(german, "exports")
    asked = [line for line in text.splitlines() if line.startswith("# ?")]
    assert german.asks
    assert asked[:2] == ['# ? time_zone = "Europe/Berlin"', "# ? arrival_lag_days = 1"]
    assert '# ? Sonderfall = ""  # in 1 rows that were looked at' in asked
    assert "# Nothing says when rows of bills arrived." in text
    path = exports.parent / "mapping.toml"
    answered = text.replace("# ? time_zone", "time_zone").replace("# ? arrival", "arrival")
    path.write_text(
        answered.replace('# ? Sonderfall = ""', 'Sonderfall = "active"'), encoding="utf-8"
    )
    source = open_raw_tables(str(path))
    scratch = exports.parent
    report = accept(source, scratch / "raw", quarantine=scratch / "quarantine", now=NOW)
    assert report.clean


def test_names_of_the_tm_forum_are_known(tmp_path: Path) -> None:
    rows = {
        "customer": (
            "id,customerType,status,engagedPartyId,lastUpdate,loadedAt",
            lambda n: (
                f"c{n},Residential,approved,p{n},2024-01-01T00:00:{n:02d}Z,2024-01-02T00:00:00Z"
            ),
        ),
        "product": (
            "id,relatedPartyId,productOfferingId,productType,chargingType,startDate,status,statusChangeDate,loadedAt",
            lambda n: (
                f"s{n},c{n},o{n % 3},Mobile,Postpaid,2023-01-01T00:00:{n:02d}Z,active,"
                f"2024-01-01T00:00:{n:02d}Z,2024-01-02T00:00:00Z"
            ),
        ),
        "troubleTicket": (
            "id,relatedPartyId,ticketType,category,severity,creationDate,status,description,loadedAt",
            lambda n: (
                f"t{n},c{n},Complaint,Billing,major,2024-02-01T00:00:{n:02d}Z,resolved,"
                "The bill was wrong once again,2024-02-02T00:00:00Z"
            ),
        ),
    }
    for name, (head, row) in rows.items():
        lines = "\n".join([head, *(row(n) for n in range(20))])
        (tmp_path / f"{name}.csv").write_text(lines + "\n", encoding="utf-8")
    guess = guess_mapping(open_place(str(tmp_path)))
    assert [one.table for one in guess.tables] == ["customers", "subscriptions", "tickets"]
    assert _taken(guess, "customers")["customer_id"] == "id"
    assert _taken(guess, "customers")["segment"] == "customerType"
    product = _taken(guess, "subscriptions")
    assert product["subscription_id"] == "id"
    assert product["customer_id"] == "relatedPartyId"
    assert product["plan_id"] == "productOfferingId"
    assert product["activated_at"] == "startDate"
    assert product["happened_at"] == "statusChangeDate"
    assert _taken(guess, "tickets")["happened_at"] == "creationDate"
    assert _taken(guess, "tickets")["ticket_class"] == "category"


def test_a_source_without_what_is_required_says_so(tmp_path: Path) -> None:
    (tmp_path / "Wetter.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    guess = guess_mapping(open_place(str(tmp_path)))
    assert guess.tables == ()
    assert guess.missing == ("customers", "subscriptions")
    text = mapping_text(guess, ".")
    assert "# ? [tables.customers]" in text


@pytest.mark.parametrize(
    ("source", "shown", "secret"),
    [
        ("exports", "exports", False),
        ("/data/exports", "/data/exports", False),
        ("s3://bucket/exports", "s3://bucket/exports", False),
        ("sqlite:///raw.db", "sqlite:///raw.db", False),
        ("postgresql+psycopg://me@host/db", "postgresql+psycopg://me@host/db", False),
        ("postgresql+psycopg://me:s3cret@host/db", "postgresql+psycopg://me@host/db", True),
    ],
)
def test_a_mapping_names_its_source_from_where_it_lies(
    source: str, shown: str, secret: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_source(source, Path("mapping.toml")) == (shown, secret)
    if source == "exports":
        assert shown_source(source, Path("here/mapping.toml")) == ("../exports", False)


def test_columns_that_no_contract_could_have_are_passed_over(tmp_path: Path) -> None:
    rows = {
        "Kunde": [f"k{n}" for n in range(20)],
        "Typ": ["PK", "GK"] * 10,
        "list": [[1, 2]] * 20,
        "structure": [{"a": 1}] * 20,
        "bytes": [b"\xff"] * 20,
        "decimal": [Decimal("1.5")] * 20,
        "clock": [time(1, 2)] * 20,
        "duration": [timedelta(1)] * 20,
    }
    pq.write_table(pa.table(rows), tmp_path / "Kunden.parquet")
    guess = guess_mapping(open_place(str(tmp_path)))
    (customers, *_) = guess.tables
    assert set(rows) - set(customers.unused) <= {"Kunde"}
    segment = next(one for one in customers.columns if one.column == "segment")
    # Two values of a list are not enough to be certain, and enough to ask.
    assert [(one.written, one.confidence) for one in segment.candidates] == [("Typ", 0.35)]


def test_one_wide_table_is_asked_about_as_customers_and_lines(tmp_path: Path) -> None:
    write_telco_dump(tmp_path)
    guess = guess_mapping(open_place(str(tmp_path / "dump")))
    assert {one.table: one.relation.written for one in guess.tables} == {
        "customers": "telco",
        "subscriptions": "telco",
    }
    assert _taken(guess, "customers") == {"customer_id": "customerID", "happened_at": "dump"}
    _, subscriptions = guess.tables
    assert subscriptions.asked[0] == "subscription_id"
    answers = {one.written: one.evidence for one in subscriptions.columns[0].candidates}
    assert answers["customerID"] == ("the customer's id, where each has one line",)
