"""Tables as people really have them, each with its right answer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.flat.customers import CustomerTable, Roles, read_customer_table
from features.tables.options import TableOptions
from holdfast.errors import InputError

CASES = Path(__file__).parents[3] / "fixtures" / "tables"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = {"spend": "number", "months": "number", "plan": "category", "day": "date"}
SMALL = {"spend": "number", "plan": "category"}


@dataclass(frozen=True)
class Read:
    """A table that is read.

    Parameters
    ----------
    kinds : dict of str to str
        Kinds of its features.
    labelled, positive : int or None
        Rows with a label, and with a positive one; None where nothing is asked.
    missing : dict of str to float
        Share of a feature that is missing; 0 for those not named.
    marks : dict of str to tuple of str
        Words that mean missing in a column.
    notes : tuple of str
        Texts that must stand in what is said about the file and the target.
    roles : dict
        Roles other than id ``id`` and target ``left``.
    first : dict of str to float
        First value of a feature.
    """

    kinds: dict[str, str] = field(default_factory=lambda: BASE)
    labelled: int | None = None
    positive: int | None = None
    missing: dict[str, float] = field(default_factory=dict)
    marks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    roles: dict[str, object] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)


def _missing(mark: str, spend: float, months: float) -> Read:
    return Read(
        missing={"spend": spend, "months": months},
        marks={"spend": (mark,), "months": (mark,)},
        labelled=300,
        positive=116,
    )


def _parquet(kind: str | None = None, **more: object) -> Read:
    kinds = {"x": "number", **({"c": kind} if kind else {})}
    return Read(kinds=kinds, **more)  # type: ignore[arg-type]


def _chinese(target: str = "是否流失", name: str = "用户编号") -> dict[str, object]:
    return {"id": name, "target": target}


DAY = 17778.0  # 2018-09-04
CHINESE = {"月均消费": "number", "在网时长": "number", "套餐": "category", "入网日期": "date"}
TAIWAN = {"月均消費": "number", "在網時長": "number", "套餐": "category", "入網日期": "date"}
COMBINED = {**CHINESE, "<i>备注</i>": "category"}
LEAK = {"contract_left": "number", "age": "number"}
PERSONAL = {"x": "number", "plan": "category", "h": "number", "d": "date"}

ANSWERS: dict[str, Read | str] = {
    "base.csv": Read(labelled=300, positive=116, first={"spend": 647.67, "day": DAY}),
    "base.csv.zip": Read(first={"spend": 647.67}),
    "bigint.csv": Read(),
    "blank_header.csv": Read(notes=("'Unnamed: 0' numbers the rows and is left out",)),
    "blank_lines.csv": Read(labelled=300),
    "combined_zh.csv": Read(
        kinds=COMBINED,
        positive=144,
        missing={"月均消费": 0.025},
        marks={"月均消费": ("NA",)},
        roles=_chinese(),
    ),
    "combined_zh_blank.csv": Read(
        kinds=COMBINED, positive=144, missing={"月均消费": 0.025}, roles=_chinese()
    ),
    "comma_only_lines.csv": Read(labelled=300, notes=("2 rows at the end hold nothing",)),
    "const.csv": Read(),
    "cr_only.csv": Read(labelled=300),
    "currency.csv": Read(first={"spend": 647.67}),
    "date_cn_slash.csv": Read(first={"day": DAY}),
    "date_cn_words.csv": Read(first={"day": DAY}),
    "date_compact.csv": Read(first={"day": DAY}),
    "date_eu.csv": Read(first={"day": DAY}),
    "date_us.csv": Read(first={"day": DAY}),
    "decimal_comma.csv": Read(first={"spend": 647.67}),
    "duckdb_interval.parquet": "'iv': must hold numbers.*not fixed_size_binary.*--drop",
    "duckdb_uuid.parquet": Read(kinds=PERSONAL, roles={"target": "left_"}),
    "duckdb_uuid_feature.parquet": Read(kinds=PERSONAL, roles={"target": "left_"}),
    "dup_header.csv": Read(
        kinds={"spend": "number", "months": "number", "months.1": "category", "day": "date"},
        notes=("is called 'months.1'",),
    ),
    "enc_big5.csv": Read(
        kinds=TAIWAN, positive=116, notes=("encoding cp950",), roles=_chinese(name="用戶編號")
    ),
    "enc_gb18030.csv": Read(
        kinds=CHINESE, positive=116, notes=("encoding gb18030",), roles=_chinese()
    ),
    "enc_latin1.csv": "line 2 is not; it is likely cp1252: --encoding cp1252 reads it",
    "enc_latin1_body_only.csv": "line 252 is not; it is likely cp1252",
    "enc_utf-16.csv": Read(
        kinds=CHINESE, positive=116, notes=("encoding utf-16",), roles=_chinese()
    ),
    "enc_utf-8-sig.csv": Read(kinds=CHINESE, positive=116, roles=_chinese()),
    "excel_serial_date.csv": Read(first={"day": 17532.0}),  # 2018-01-01
    "footer_total.csv": Read(labelled=300, notes=("'Total,300' at the end is left out",)),
    "formula.csv": Read(),
    "header_blank.csv": Read(positive=116),
    "html.csv": Read(
        kinds={
            "spend": "number",
            "<b>months</b>": "number",
            'plan{[:,"]}': "category",
            "day": "date",
        }
    ),
    "id_case.csv": Read(),
    "id_space.csv": Read(),
    "inf.csv": Read(missing={"spend": 11 / 300}),
    "json_col.csv": Read(),
    "leak_missing_NA.csv": Read(
        kinds=LEAK,
        missing={"contract_left": 0.245},
        marks={"contract_left": ("NA",)},
        roles={"target": "churn"},
    ),
    "leak_missing_NULL.csv": Read(
        kinds=LEAK,
        missing={"contract_left": 0.245},
        marks={"contract_left": ("NULL",)},
        roles={"target": "churn"},
    ),
    "leak_missing_blank.csv": Read(
        kinds=LEAK, missing={"contract_left": 0.245}, roles={"target": "churn"}
    ),
    "missing_NA.csv": _missing("NA", 13 / 300, 16 / 300),
    "missing_NULL.csv": _missing("NULL", 11 / 300, 20 / 300),
    "missing_dash.csv": _missing("-", 15 / 300, 12 / 300),
    "missing_excel.csv": _missing("#N/A", 13 / 300, 10 / 300),
    "missing_na_.csv": _missing("N/A", 14 / 300, 12 / 300),
    "missing_none.csv": _missing("None", 16 / 300, 14 / 300),
    "missing_null_.csv": _missing("(null)", 19 / 300, 9 / 300),
    "missing_numnull.csv": _missing("#NULL!", 12 / 300, 17 / 300),
    "missing_question.csv": _missing("?", 16 / 300, 13 / 300),
    "missing_slashN.csv": _missing("\\N", 11 / 300, 17 / 300),
    "missing_zh.csv": _missing("无", 17 / 300, 16 / 300),
    "msisdn.csv": Read(),
    "nul.csv": Read(),
    "num_brackets.csv": Read(kinds=SMALL, first={"spend": 314.93}),
    "num_exp_D.csv": Read(kinds=SMALL, first={"spend": 1996.0}),
    "num_fullwidth.csv": Read(kinds=SMALL, first={"spend": 1941.9}),
    "num_high.csv": Read(kinds=SMALL, missing={"spend": 0.015}),
    "num_infinity_word.csv": Read(kinds=SMALL, missing={"spend": 0.01}),
    "num_leading_zero_once.csv": Read(kinds=SMALL),
    "num_minus_zero.csv": Read(kinds=SMALL, first={"spend": 1510.0}),
    "num_nbsp.csv": Read(kinds=SMALL, first={"spend": 399.23}),
    "num_quote_apostrophe.csv": Read(kinds=SMALL, first={"spend": 782.56}),
    "num_unicode_minus.csv": Read(kinds=SMALL, first={"spend": -50.73}),
    "num_unit.csv": Read(kinds=SMALL, first={"spend": 591.0}),
    "num_yuan.csv": Read(kinds=SMALL, first={"spend": 1393.33}),
    "one_leading_zero.csv": Read(first={"spend": 647.67}),
    "percent.csv": Read(first={"spend": 32.4}),
    "pq_all_null_str.parquet": _parquet(),
    "pq_binary.parquet": _parquet("category"),
    "pq_date64.parquet": _parquet("date"),
    "pq_decimal.parquet": _parquet("number"),
    "pq_decimal256.parquet": _parquet("number"),
    "pq_dict_bool_null.parquet": _parquet("category", missing={"c": 0.5}),
    "pq_dict_date.parquet": _parquet("date"),
    "pq_dict_int.parquet": _parquet("number"),
    "pq_dict_str.parquet": _parquet("category"),
    "pq_duration.parquet": _parquet("number"),
    "pq_halffloat.parquet": _parquet("number"),
    "pq_id_decimal.parquet": _parquet(),
    "pq_id_decimal2.parquet": _parquet(),
    "pq_id_dict.parquet": _parquet(),
    "pq_id_float.parquet": _parquet(),
    "pq_id_float_nan.parquet": "--id: column 'id' must have no blanks.*got 1",
    "pq_id_int.parquet": _parquet(),
    "pq_id_large.parquet": _parquet(),
    "pq_id_uuid_bin.parquet": _parquet(),
    "pq_id_view.parquet": _parquet(),
    "pq_inf.parquet": _parquet("number", missing={"c": 1 / 300}),
    "pq_large_string.parquet": _parquet("category"),
    "pq_list.parquet": "'c': must hold numbers.*not list.*--drop",
    "pq_nulltype.parquet": _parquet(),
    "pq_numbers_as_text.parquet": _parquet("number", missing={"c": 0.05}, marks={"c": ("NA",)}),
    "pq_string_view.parquet": _parquet("category"),
    "pq_struct.parquet": "'c': must hold numbers.*not struct.*--drop",
    "pq_target_bool.parquet": _parquet(positive=102),
    "pq_target_decimal.parquet": _parquet(positive=102),
    "pq_target_dict.parquet": _parquet(positive=102),
    "pq_target_int_null.parquet": _parquet(labelled=280, positive=95),
    "pq_time.parquet": _parquet("number"),
    "pq_ts_far.parquet": _parquet("date"),
    "pq_ts_naive.parquet": _parquet("date"),
    "pq_ts_zone.parquet": _parquet("date"),
    "pq_uint64.parquet": _parquet("number"),
    "quote_newline.csv": Read(),
    "ragged_one.csv": "line 302 has 2 fields, the header has 6",
    "ru_space_thousands.csv": Read(first={"spend": 647.67}),
    "sci_ids.csv": "--id.*a spreadsheet has rounded; format the column as text",
    "semi_with_commas_in_header.csv": Read(
        kinds={
            "spend, eur": "number",
            "months, a, b, c, d, e": "number",
            "plan": "category",
            "day": "date",
        }
    ),
    "sep_line.csv": Read(notes=("'sep=;' names the delimiter",)),
    "spark_out.parquet": _parquet(notes=("2 parts are one table",)),
    "tab.tsv": Read(),
    "tab.txt": Read(),
    "target_12.csv": Read(positive=116, roles={"positive": ("2",)}),
    "target_NA.csv": Read(
        labelled=269,
        positive=104,
        notes=("'NA' (31 rows) means missing",),
        roles={"positive": ("1",)},
    ),
    "target_case.csv": Read(
        labelled=300, positive=116, notes=("read as 'yes'",), roles={"positive": ("Yes",)}
    ),
    "target_dot.csv": Read(positive=116),
    "target_es.csv": Read(positive=116),
    "target_float.csv": Read(positive=116),
    "target_ru.csv": Read(positive=116),
    "target_spaces.csv": Read(positive=116),
    "target_zh.csv": Read(positive=116),
    "target_zh2.csv": Read(positive=116),
    "thousands.csv": Read(first={"spend": 647.67}),
    "title_line.csv": Read(notes=("'Churn report of May' before the header is skipped",)),
    "trailing_sep.csv": Read(notes=("'Unnamed: 6' holds nothing",)),
    "trailing_sep_body_only.csv": Read(notes=("'Unnamed: 6' holds nothing",)),
    "unbalanced_quote.csv": "line 12 has 2 fields.*is a quotation mark open",
    "upper.CSV": Read(),
    "year_as_code.csv": Read(
        kinds={"spend": "number", "months": "number", "plan": "number", "day": "date"}
    ),
    "yes_no_num.csv": Read(missing={"plan": 64 / 300}),
}


def _read(name: str, roles: dict[str, object], encoding: str | None = None) -> CustomerTable:
    given = Roles(**{"id": "id", "target": "left", **roles})  # type: ignore[arg-type]
    return read_customer_table(CASES / name, given, NOW, TableOptions(encoding=encoding))


@pytest.mark.parametrize("name", list(ANSWERS))
def test_a_table_is_read_as_it_was_meant_or_refused_by_name(name: str) -> None:
    answer = ANSWERS[name]
    if isinstance(answer, str):
        with pytest.raises(InputError, match=answer):
            _read(name, {"target": "left_"} if name == "duckdb_interval.parquet" else {})
        return
    customers = _read(name, answer.roles)
    encoding = customers.encoding(None)
    matrix = encoding.encode(customers.table)
    assert {column.name: column.kind for column in encoding.columns} == answer.kinds
    missing = dict(zip(answer.kinds, np.isnan(matrix).mean(axis=0).tolist(), strict=True))
    assert missing == pytest.approx({**dict.fromkeys(answer.kinds, 0.0), **answer.missing})
    for column, marks in answer.marks.items():
        assert customers.plan.column(column).missing_marks == marks
    for column, value in answer.first.items():
        place = list(answer.kinds).index(column)
        assert matrix[0, place] == pytest.approx(value)
    if answer.labelled is not None:
        assert int(customers.known.sum()) == answer.labelled
    if answer.positive is not None:
        assert int(np.nansum(customers.label)) == answer.positive
    for note in answer.notes:
        assert any(note in said for said in customers.notes), customers.notes


def test_every_case_has_an_answer() -> None:
    files = {path.name for path in CASES.iterdir() if not path.name.startswith("uplift_")}
    assert files == set(ANSWERS)


def test_an_encoding_that_a_person_names_reads_the_file() -> None:
    customers = _read("enc_latin1.csv", {}, "cp1252")
    assert customers.encoding(None).columns[2].categories == ("Año", "Básico", "Niño")


def test_ids_are_read_as_uuids() -> None:
    assert _read("duckdb_uuid.parquet", {"target": "left_"}).ids[0].count("-") == 4
    assert _read("pq_id_uuid_bin.parquet", {}).ids[1] == "00000000-0000-0000-0000-000000000001"
