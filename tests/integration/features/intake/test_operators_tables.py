"""Tables as real operators have them lose no row that a person would have understood."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.compute import whole
from features.compute.build import bring_up_to_date
from features.intake.check import accept
from features.intake.report import CheckReport
from features.mapping.opening import open_raw_tables
from features.settings import FeatureSettings
from tests.builders.guides import ROOT, examples
from tests.builders.tmf_tables import NOW, VIEWS, write_tmf_database
from tests.builders.wide_dump import DUMPED, write_wide_dump

CUSTOMERS = 40


def take_in(where: str, home: Path) -> CheckReport:
    return accept(open_raw_tables(where), home / "raw", quarantine=home / "quarantine", now=NOW)


def refused(report: CheckReport) -> dict[str, int]:
    return {table.table: table.quarantined for table in report.tables if table.quarantined}


def replaced(report: CheckReport, rule: str) -> dict[tuple[str, str], set[str | None]]:
    columns: dict[tuple[str, str], set[str | None]] = {}
    for table in report.tables:
        for value in table.replaced:
            if value.rule == rule:
                columns.setdefault((table.table, value.column), set()).add(value.value)
    return columns


def test_views_shaped_like_tm_forums_lose_no_row_and_make_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = take_in(write_tmf_database(tmp_path, CUSTOMERS), tmp_path)
    assert refused(report) == {}
    assert {table.table for table in report.tables} > set(VIEWS)
    unlisted = replaced(report, "category")
    assert unlisted["tickets", "status"] == {"inProgress", "pending", "held", "rejected"}
    # A state of TMF637 that the contract knows is taken by its spelling.
    assert unlisted["subscriptions", "status"] == {"aborted", "cancelled", "pendingActive"}
    statuses = pq.read_table(tmp_path / "raw" / "subscriptions")["status"].to_pylist()
    assert "pending_terminate" in statuses
    assert set(replaced(report, "orphan")) == {
        ("bill_lines", "product_id"),
        ("tickets", "subscription_id"),
    }

    monkeypatch.setattr(whole, "history_mondays", lambda *_: ())
    bring_up_to_date(tmp_path / "raw", tmp_path / "features", FeatureSettings(), now=NOW)
    newest = {
        view: pq.read_table(tmp_path / "features" / "tables" / view / "newest.parquet").to_pandas()
        for view in ("subscription_links", "customer_links", "billing_live", "service_live")
    }
    lines = pq.read_table(tmp_path / "raw" / "subscriptions").to_pandas()
    accounts = lines.drop_duplicates("subscription_id").set_index("subscription_id")["account_id"]
    linked = newest["subscription_links"].set_index("subscription_id")["linked_account"]
    assert linked.to_dict() == accounts[linked.index].to_dict()
    bills = pq.read_table(tmp_path / "raw" / "bills").to_pandas().sort_values("happened_at")
    last = bills.groupby("account_id")["amount"].last()
    stored = newest["billing_live"].set_index("account_id")["last_bill"]
    assert stored[linked.unique()].round(2).to_dict() == last[linked.unique()].to_dict()
    payer = newest["customer_links"].set_index("customer_id")["linked_account"]
    owner = lines.drop_duplicates("account_id").set_index("account_id")["customer_id"]
    assert owner[payer].tolist() == payer.index.tolist()
    assert newest["service_live"]["open_tickets"].sum() > 0


def test_the_guides_mapping_reads_tm_forums_resources(tmp_path: Path) -> None:
    write_tmf_database(tmp_path, CUSTOMERS, views=False)
    (mapping,) = examples(ROOT / "docs" / "guides" / "tmforum.md", "toml")
    path = tmp_path / "mapping.toml"
    path.write_text(mapping.text, encoding="utf-8")
    report = take_in(str(path), tmp_path)
    assert refused(report) == {}
    assert replaced(report, "category") == {}
    # Trouble with an add-on stays with its customer; some charged for were never in service.
    assert set(replaced(report, "orphan")) == {
        ("bill_lines", "product_id"),
        ("tickets", "subscription_id"),
    }
    read = {table.table: table.read for table in report.tables}
    assert read["customers"] == read["external_ids"] == CUSTOMERS
    assert min(read.values()) > 0
    kinds = pq.read_table(tmp_path / "raw" / "products")["kind"].to_pylist()
    assert set(kinds) == {"add_on", "bundle"}


def test_a_monthly_dump_loses_no_row(tmp_path: Path) -> None:
    source = open_raw_tables(write_wide_dump(tmp_path, CUSTOMERS))
    report = accept(source, tmp_path / "raw", quarantine=tmp_path / "quarantine", now=DUMPED)
    assert refused(report) == {}
    assert replaced(report, "orphan") == {}
    payments = pq.read_table(tmp_path / "raw" / "payments")["method"].to_pylist()
    assert set(payments) == {"other"}
