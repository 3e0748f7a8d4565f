"""The right answers for the tables in ``tests/fixtures/tables``: how each is to be read, what is to be
estimated from it, or with which words it is to be refused.
"""

from dataclasses import dataclass, field
from pathlib import Path

TABLES = Path(__file__).parents[1] / "fixtures" / "tables"
BASE = {"spend": "number", "months": "number", "plan": "category", "day": "date"}
SMALL = {"spend": "number", "plan": "category"}


@dataclass(frozen=True)
class Answer:
    """What is right for a table of customers that can be read.

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
    auc : float or None
        Cross-validated AUC that must be reached; None where nothing is asked.
    missingness : dict of str to float
        Columns that the leak watch must flag for their missing values, and the AUC of those.
    """

    kinds: dict[str, str] = field(default_factory=lambda: BASE)
    labelled: int | None = None
    positive: int | None = None
    missing: dict[str, float] = field(default_factory=dict)
    marks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    roles: dict[str, object] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    auc: float | None = None
    missingness: dict[str, float] = field(default_factory=dict)


def _missing(mark: str, spend: float, months: float) -> Answer:
    return Answer(
        missing={"spend": spend, "months": months},
        marks={"spend": (mark,), "months": (mark,)},
        labelled=300,
        positive=116,
    )


def _parquet(kind: str | None = None, **more: object) -> Answer:
    kinds = {"x": "number", **({"c": kind} if kind else {})}
    return Answer(kinds=kinds, **more)  # type: ignore[arg-type]


def _chinese(target: str = "是否流失", name: str = "用户编号") -> dict[str, object]:
    return {"id": name, "target": target}


DAY = 17778.0  # 2018-09-04
CHINESE = {"月均消费": "number", "在网时长": "number", "套餐": "category", "入网日期": "date"}
TAIWAN = {"月均消費": "number", "在網時長": "number", "套餐": "category", "入網日期": "date"}
COMBINED = {**CHINESE, "<i>备注</i>": "category"}
LEAK = {"contract_left": "number", "age": "number"}
PERSONAL = {"x": "number", "plan": "category", "h": "number", "d": "date"}

ANSWERS: dict[str, Answer | str] = {
    "base.csv": Answer(labelled=300, positive=116, first={"spend": 647.67, "day": DAY}),
    "base.csv.zip": Answer(first={"spend": 647.67}),
    "bigint.csv": Answer(),
    "blank_header.csv": Answer(notes=("'Unnamed: 0' numbers the rows and is left out",)),
    "blank_lines.csv": Answer(labelled=300),
    "combined_zh.csv": Answer(
        kinds=COMBINED,
        positive=144,
        missing={"月均消费": 0.025},
        marks={"月均消费": ("NA",)},
        roles={**_chinese(), "positive": ("是",)},
        auc=0.724,
    ),
    "combined_zh_blank.csv": Answer(
        kinds=COMBINED,
        positive=144,
        missing={"月均消费": 0.025},
        roles={**_chinese(), "positive": ("是",)},
        auc=0.724,
    ),
    "comma_only_lines.csv": Answer(labelled=300, notes=("2 rows at the end hold nothing",)),
    "const.csv": Answer(),
    "cr_only.csv": Answer(labelled=300),
    "currency.csv": Answer(first={"spend": 647.67}),
    "date_cn_slash.csv": Answer(first={"day": DAY}),
    "date_cn_words.csv": Answer(first={"day": DAY}),
    "date_compact.csv": Answer(first={"day": DAY}),
    "date_eu.csv": Answer(first={"day": DAY}),
    "date_us.csv": Answer(first={"day": DAY}),
    "decimal_comma.csv": Answer(first={"spend": 647.67}),
    "duckdb_interval.parquet": "'iv': must hold numbers.*not fixed_size_binary.*--drop",
    "duckdb_uuid.parquet": Answer(kinds=PERSONAL, roles={"target": "left_"}),
    "duckdb_uuid_feature.parquet": Answer(kinds=PERSONAL, roles={"target": "left_"}),
    "dup_header.csv": Answer(
        kinds={"spend": "number", "months": "number", "months.1": "category", "day": "date"},
        notes=("is called 'months.1'",),
    ),
    "enc_big5.csv": Answer(
        kinds=TAIWAN, positive=116, notes=("encoding cp950",), roles=_chinese(name="用戶編號")
    ),
    "enc_gb18030.csv": Answer(
        kinds=CHINESE, positive=116, notes=("encoding gb18030",), roles=_chinese()
    ),
    "enc_latin1.csv": "line 2 is not; it is likely cp1252: --encoding cp1252 reads it",
    "enc_latin1_body_only.csv": "line 252 is not; it is likely cp1252",
    "enc_utf-16.csv": Answer(
        kinds=CHINESE, positive=116, notes=("encoding utf-16",), roles=_chinese()
    ),
    "enc_utf-8-sig.csv": Answer(kinds=CHINESE, positive=116, roles=_chinese()),
    "excel_serial_date.csv": Answer(first={"day": 17532.0}),  # 2018-01-01
    "footer_total.csv": Answer(labelled=300, notes=("'Total' at the end is left out",)),
    "formula.csv": Answer(),
    "header_blank.csv": Answer(positive=116),
    "html.csv": Answer(
        kinds={
            "spend": "number",
            "<b>months</b>": "number",
            'plan{[:,"]}': "category",
            "day": "date",
        }
    ),
    "id_case.csv": Answer(),
    "id_space.csv": Answer(),
    "inf.csv": Answer(missing={"spend": 11 / 300}),
    "json_col.csv": Answer(),
    "leak_missing_NA.csv": Answer(
        kinds=LEAK,
        missing={"contract_left": 0.245},
        marks={"contract_left": ("NA",)},
        roles={"target": "churn"},
        missingness={"contract_left": 0.749},
    ),
    "leak_missing_NULL.csv": Answer(
        kinds=LEAK,
        missing={"contract_left": 0.245},
        marks={"contract_left": ("NULL",)},
        roles={"target": "churn"},
        missingness={"contract_left": 0.749},
    ),
    "leak_missing_blank.csv": Answer(
        kinds=LEAK,
        missing={"contract_left": 0.245},
        roles={"target": "churn"},
        missingness={"contract_left": 0.749},
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
    "msisdn.csv": Answer(),
    "nul.csv": Answer(),
    "num_brackets.csv": Answer(kinds=SMALL, first={"spend": 314.93}),
    "num_exp_D.csv": Answer(kinds=SMALL, first={"spend": 1996.0}),
    "num_fullwidth.csv": Answer(kinds=SMALL, first={"spend": 1941.9}),
    "num_high.csv": Answer(kinds=SMALL, missing={"spend": 0.015}),
    "num_infinity_word.csv": Answer(kinds=SMALL, missing={"spend": 0.01}),
    "num_leading_zero_once.csv": Answer(kinds=SMALL),
    "num_minus_zero.csv": Answer(kinds=SMALL, first={"spend": 1510.0}),
    "num_nbsp.csv": Answer(kinds=SMALL, first={"spend": 399.23}),
    "num_quote_apostrophe.csv": Answer(kinds=SMALL, first={"spend": 782.56}),
    "num_unicode_minus.csv": Answer(kinds=SMALL, first={"spend": -50.73}),
    "num_unit.csv": Answer(kinds=SMALL, first={"spend": 591.0}),
    "num_yuan.csv": Answer(kinds=SMALL, first={"spend": 1393.33}),
    "one_leading_zero.csv": Answer(first={"spend": 647.67}),
    "percent.csv": Answer(first={"spend": 32.4}),
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
    "quote_newline.csv": Answer(),
    "ragged_one.csv": "line 302 has 2 fields, the header has 6",
    "ru_space_thousands.csv": Answer(first={"spend": 647.67}),
    "sci_ids.csv": "--id.*a spreadsheet has rounded; format the column as text",
    "semi_with_commas_in_header.csv": Answer(
        kinds={
            "spend, eur": "number",
            "months, a, b, c, d, e": "number",
            "plan": "category",
            "day": "date",
        }
    ),
    "sep_line.csv": Answer(notes=("'sep=;' names the delimiter",)),
    "spark_out.parquet": _parquet(notes=("2 parts are one table",)),
    "tab.tsv": Answer(),
    "tab.txt": Answer(),
    "target_12.csv": Answer(positive=116, roles={"positive": ("2",)}),
    "target_NA.csv": Answer(
        labelled=269,
        positive=104,
        notes=("'NA' (31 rows) means missing",),
        roles={"positive": ("1",)},
    ),
    "target_case.csv": Answer(
        labelled=300, positive=116, notes=("read as 'yes'",), roles={"positive": ("Yes",)}
    ),
    "target_dot.csv": Answer(positive=116),
    "target_es.csv": Answer(positive=116),
    "target_float.csv": Answer(positive=116),
    "target_ru.csv": Answer(positive=116),
    "target_spaces.csv": Answer(positive=116),
    "target_zh.csv": Answer(positive=116),
    "target_zh2.csv": Answer(positive=116),
    "thousands.csv": Answer(first={"spend": 647.67}),
    "title_line.csv": Answer(notes=("line 1 before the header is skipped",)),
    "trailing_sep.csv": Answer(notes=("'Unnamed: 6' holds nothing",)),
    "trailing_sep_body_only.csv": Answer(notes=("'Unnamed: 6' holds nothing",)),
    "unbalanced_quote.csv": "quotation mark in line 12 is not closed",
    "upper.CSV": Answer(),
    "year_as_code.csv": Answer(
        kinds={"spend": "number", "months": "number", "plan": "number", "day": "date"}
    ),
    "yes_no_num.csv": Answer(missing={"plan": 64 / 300}),
}


@dataclass(frozen=True, kw_only=True)
class ExperimentAnswer:
    """What is right for the table of an experiment.

    Parameters
    ----------
    roles : dict
        The roles of its columns.
    arms : dict of str to int
        Arms and their rows, control first.
    left_out : dict of str to int
        Rows left out, by reason.
    difference : float
        Difference between the arms' shares of good outcomes, percentage points.
    verdict : str
        The verdict on the action.
    adjusted : bool
        Whether the average effect may differ from the plain difference, as there are features.
    refused : str
        Pattern of the question, where the table is to be refused.
    """

    roles: dict[str, object]
    arms: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    difference: float = 0.0
    verdict: str = ""
    adjusted: bool = False
    refused: str = ""


_GATES: dict[str, object] = {
    "treatment": "version",
    "outcome": "retention_7",
    "control": "gate_30",
    "good": ("true",),
    "id": "userid",
}
_ARMS: dict[str, object] = {"treatment": "arm", "outcome": "stayed", "good": ("yes",), "id": "id"}

EXPERIMENTS: dict[str, ExperimentAnswer] = {
    "uplift_arm_case.csv": ExperimentAnswer(
        roles=_GATES, refused="differ in case only; are they one arm"
    ),
    "uplift_arm_space.csv": ExperimentAnswer(
        roles=_GATES,
        arms={"gate_30": 1502, "gate_40": 1497},
        difference=-2.0707,
        verdict="not_enough_data",
        adjusted=True,
    ),
    "uplift_na_arm.csv": ExperimentAnswer(
        roles=_GATES,
        arms={"gate_30": 1415, "gate_40": 1424},
        left_out={"version is 'NA'": 160},
        difference=-1.7407,
        verdict="not_enough_data",
        adjusted=True,
    ),
    "uplift_na_outcome.csv": ExperimentAnswer(
        roles=_GATES,
        arms={"gate_30": 1428, "gate_40": 1422},
        left_out={"retention_7 is 'NA'": 149},
        difference=-1.3243,
        verdict="not_enough_data",
        adjusted=True,
    ),
    "uplift_plain_ab.csv": ExperimentAnswer(
        roles=_ARMS,
        arms={"control": 1994, "new": 2006},
        difference=4.0638,
        verdict="works",
    ),
    "uplift_post_treatment.csv": ExperimentAnswer(
        roles=_ARMS,
        arms={"control": 6064, "new": 5936},
        difference=-4.4086,
        verdict="None",
    ),
}
