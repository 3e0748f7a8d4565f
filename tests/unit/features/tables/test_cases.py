"""Tables as people really have them, each with its right answer."""

import pytest

from tests.builders.measured_tables import measure_table, read_case, table_differences
from tests.builders.table_answers import ANSWERS, EXPERIMENTS, TABLES


@pytest.mark.parametrize("name", list(ANSWERS))
def test_a_table_is_read_as_it_was_meant_or_refused_by_name(name: str) -> None:
    measured = measure_table(name, ANSWERS[name])
    assert table_differences(ANSWERS[name], measured) == [], measured


def test_every_case_has_an_answer() -> None:
    files = {path.name for path in TABLES.iterdir()}
    assert files == {*ANSWERS, *EXPERIMENTS}


def test_an_encoding_that_a_person_names_reads_the_file() -> None:
    customers = read_case("enc_latin1.csv", ANSWERS["enc_latin1.csv"], "cp1252")
    assert customers.encoding(None).columns[2].categories == ("Año", "Básico", "Niño")


def test_ids_are_read_as_uuids() -> None:
    for name in ("duckdb_uuid.parquet", "pq_id_uuid_bin.parquet"):
        assert read_case(name, ANSWERS[name]).ids[0].count("-") == 4
    customers = read_case("pq_id_uuid_bin.parquet", ANSWERS["pq_id_uuid_bin.parquet"])
    assert customers.ids[1] == "00000000-0000-0000-0000-000000000001"
