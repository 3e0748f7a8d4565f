"""The mapping that the guide shows reads tables as it says."""

from pathlib import Path

from features.intake.check import accept
from features.mapping.opening import open_raw_tables
from tests.builders.clocks import NOW
from tests.builders.guides import ROOT, examples

TABLES = {
    "CRM_KUNDEN": "KUNDENNR;KUNDENTYP;GEAENDERT_AM\n007;PK;31.01.2024 09:30\n008;GK;13.02.2024\n",
    "VERTRAG": "VERTRAGSNR;KUNDENNR;SPARTE;STATUS;BEGINN\n"
    "V1;007;Mobilfunk;A;31.01.2024\nV2;008;Festnetz;?;13.02.2024\nV3;008;Intern;K;13.02.2024\n",
    "SIEBEL_SR": "SR_NUM;KUNDENNR;STATUS;DATUM\n1-1;007;Offen;20.02.2024 10:00\n1-1;007;Zu;21.02.2024 10:00\n",
    "jira": "key;kunde;status;created\n17;008;To Do;2024-02-20 10:00:00\n",
}


def test_the_guides_mapping_is_read(tmp_path: Path) -> None:
    guide = ROOT / "docs" / "guides" / "map_your_data.md"
    (mapping,) = (one for one in examples(guide, "toml") if "[tables.customers]" in one.text)
    (tmp_path / "mapping.toml").write_text(mapping.text, encoding="utf-8")
    (tmp_path / "exports").mkdir()
    for name, text in TABLES.items():
        (tmp_path / "exports" / f"{name}.csv").write_text(text, encoding="utf-8")
    source = open_raw_tables(str(tmp_path / "mapping.toml"))
    report = accept(source, tmp_path / "raw", quarantine=tmp_path / "quarantine", now=NOW)
    assert report.clean
    assert {table.table: table.read for table in report.tables} == {
        "customers": 2,
        "subscriptions": 2,
        "tickets": 3,
    }
    assert report.unknown_tables == ()
