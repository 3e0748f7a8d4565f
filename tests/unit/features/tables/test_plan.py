from pathlib import Path

import pyarrow as pa
import pytest

from features.settings import ReadingSettings
from features.table_files.source import SourceTable
from features.tables.plan import OpenQuestions, TablePlan, apply_plan, decide_plan
from features.tables.plan_file import plan_text, read_answers
from holdfast.errors import InputError

SETTINGS = ReadingSettings()


def source(**columns: list[str]) -> SourceTable:
    return SourceTable(
        pa.table({name: pa.array(v) for name, v in columns.items()}), (), "", "t.csv"
    )


def decide(text: SourceTable, tmp_path: Path, changed: str = "") -> TablePlan:
    if not changed:
        return decide_plan(text, SETTINGS)
    path = tmp_path / "plan.toml"
    path.write_text(changed, encoding="utf-8")
    return decide_plan(text, SETTINGS, read_answers(path))


AMBIGUOUS = {
    "thousands": (["1,234", "5,678"] * 60, [1.234, 1234.0]),
    "points": (["1.234", "5.678"] * 60, [1.234, 1234.0]),
}


@pytest.mark.parametrize("cells, values", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_digits_in_groups_of_three_are_a_question_with_both_readings(
    tmp_path: Path, cells: list[str], values: list[float]
) -> None:
    text = source(fee=cells)
    plan = decide(text, tmp_path)
    reading = plan.column("fee")
    assert "1.234 or 1234" in reading.question
    assert len(reading.choices) == 2
    readings = set()
    for line in [line for line in plan_text(plan, "t.csv").splitlines() if "answer =" in line]:
        answered = plan_text(plan, "t.csv").replace(line, line.removeprefix("# "))
        chosen = decide(text, tmp_path, answered)
        assert not chosen.column("fee").question
        readings.add(apply_plan(text, chosen)[0]["fee"][0].as_py())
    assert readings == set(values)


def test_another_column_of_the_file_proves_its_decimal_sign(tmp_path: Path) -> None:
    plan = decide(source(fee=["1,234", "5,678"] * 60, paid=["12.5", "3.25"] * 60), tmp_path)
    assert (plan.column("fee").question, plan.column("fee").number.thousands) == ("", ",")
    assert "as in 'paid'" in plan.column("fee").why


def test_small_whole_numbers_beside_groups_prove_thousands(tmp_path: Path) -> None:
    cells = [f"{value:,}" for value in range(100, 9_000, 37)]
    assert decide(source(fee=cells), tmp_path).column("fee").number.thousands == ","


def test_a_day_and_a_month_that_may_change_places_are_a_question(tmp_path: Path) -> None:
    reading = decide(source(since=["1/2/2020", "3/4/2021"] * 60), tmp_path).column("since")
    assert "2020-02-01 (day, month, year) or 2020-01-02 (month, day, year)" in reading.question


def test_another_column_of_the_file_proves_the_order_of_its_dates(tmp_path: Path) -> None:
    born, since = ["05.11.1974", "02.03.1980"] * 60, ["05.11.2020", "25.03.2021"] * 60
    reading = decide(source(born=born, since=since), tmp_path).column("born")
    assert (reading.question, reading.order) == ("", "dmy")
    assert reading.why == "dates, day, month, year, as in 'since'"
    other = [day.replace(".", "/") for day in since]
    assert decide(source(born=born, since=other), tmp_path).column("born").question


def test_a_plan_that_changes_nothing_keeps_the_reasons(tmp_path: Path) -> None:
    text = source(fee=["$1.50", "$2.75"] * 60, plan=["A", "B"] * 60)
    plan = decide(text, tmp_path)
    again = decide(text, tmp_path, plan_text(plan, "t.csv"))
    assert [c.why for c in again.columns] == [c.why for c in plan.columns]
    changed = plan_text(plan, "t.csv").replace('kind = "category"', 'kind = "text"')
    whys = [column.why for column in decide(text, tmp_path, changed).columns]
    assert whys == [plan.columns[0].why, "as the plan says"]


def test_a_recurring_word_among_numbers_means_missing_and_a_rare_one_does_not_fit(
    tmp_path: Path,
) -> None:
    cells = [f"{value}.5" for value in range(300)] + ["pending", "pending", "12 or so"]
    text = source(fee=cells)
    table, plan = apply_plan(text, decide(text, tmp_path))
    assert plan.column("fee").missing_marks == ("pending",)
    assert plan.column("fee").unread_examples == ("12 or so",)
    assert plan.column("fee").unread_share == pytest.approx(1 / 303)
    assert table["fee"].null_count == 3


def test_many_cells_that_do_not_fit_are_a_question(tmp_path: Path) -> None:
    cells = [f"{value}.5" for value in range(300)] + [f"later {value}" for value in range(60)]
    reading = decide(source(fee=cells), tmp_path).column("fee")
    assert "16.7% of its cells are not numbers" in reading.question


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    text = source(
        fee=["1.234,5", "k.A.", "17,25"] * 40,
        since=["31.12.2020", "1.2.2021", ""] * 40,
        plan=["A", "B", "NULL"] * 40,
        code=["007", "008", "123"] * 40,
    )
    plan = decide(text, tmp_path)
    again = decide(text, tmp_path, plan_text(plan, "t.csv"))
    assert apply_plan(text, again)[0].equals(apply_plan(text, plan)[0])
    assert [c.stored() for c in again.columns] == [c.stored() for c in plan.columns]


@pytest.mark.parametrize(
    "content, message",
    [
        ("[columns.fee]\nkind = 'nombre'\n", r"\[columns.fee\].kind: must be 'number' or"),
        ("[columns.fee]\ncolour = 'red'\n", "has no such key"),
        ("[columns.fee]\nmissing_marks = 'NA'\n", "must be a list of texts"),
        ("[columns.fee]\ndecimal = ','\nthousands = ','\n", "must differ from the decimal sign"),
        ("fee = 1\n", r"must hold tables such as \[columns.fee\]"),
        ("fee = \n", "must be TOML"),
    ],
)
def test_a_wrong_plan_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decide(source(fee=["1"]), tmp_path, content)


def test_personal_columns_are_no_features_and_never_shown(tmp_path: Path) -> None:
    text = source(
        mobile_no=[f"+49 171 {value:07d}" for value in range(100)],
        email=[f"c{value}@example.org" for value in range(100)],
        first_name=[f"Anna{chr(97 + value % 26)}" for value in range(100)],
        fee=[str(value) for value in range(100)],
    )
    plan = decide(text, tmp_path)
    assert [column.kind for column in plan.columns] == ["id", "id", "text", "number"]
    assert all(column.personal for column in plan.columns[:3])
    assert "0000001" not in str(plan.to_json()) + plan_text(plan, "t.csv")


SURNAMES = [*"王李张刘陈杨黄赵吴周"]
NAMES = {
    "two words": [
        f"{a} {b}" for a in ("Anna", "José", "Zoë", "IVAN") for b in ["Ng", "Öz", "Ek", "Ba", "Li"]
    ],
    "family name first": [
        f"{b}, {a}" for a in ("Anna", "José", "Zoë") for b in ["Ng", "Öz", "Ek", "Ba"]
    ],
    "Chinese": [a + b for a in SURNAMES for b in ("伟", "秀英", "敏", "静")],
    "Korean": [a + b for a in "김이박최정" for b in ("민준", "서연", "지우", "현")],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_are_known_by_their_form_whatever_the_header(
    tmp_path: Path, names: list[str]
) -> None:
    rows = (
        [f"{name}{sign}" for name in names for sign in ("", "娜", "宁")]
        if names[0][0] > "\u3000"
        else [f"{name}{end}" for name in names for end in ("", "son", "ova", "ez", "er")]
    )
    text = source(col7=rows)
    reading = decide(text, tmp_path).column("col7")
    assert (reading.kind, reading.personal) == ("text", True)
    assert "names of people: no feature, never shown; --columns can say otherwise" in reading.why
    assert not any(name in str(reading.to_json()) for name in rows)
    answered = decide(text, tmp_path, '[columns.col7]\nkind = "category"\n').column("col7")
    assert (answered.kind, answered.personal) == ("category", False)


@pytest.mark.parametrize(
    "values",
    [
        [
            f"{a} {b}"
            for a in ("New", "San", "Los")
            for b in ["York", "Jose", "Angeles", "Diego", "Haven"]
        ],
        ["北京市", "上海市", "广州市", "深圳市", "成都市", "张家口", "石家庄", "杭州市"],
        [f"Plan {letter}" for letter in "ABCDEFGHIJ"],
    ],
    ids=["cities", "Chinese cities", "plans"],
)
def test_values_that_repeat_are_categories(tmp_path: Path, values: list[str]) -> None:
    reading = decide(source(col7=values * 40), tmp_path).column("col7")
    assert (reading.kind, reading.personal) == ("category", False)


def test_telephone_numbers_of_digits_alone_are_no_numbers(tmp_path: Path) -> None:
    digits = [f"138{value:08d}" for value in range(100)]
    for values in (pa.array(digits), pa.array(list(map(int, digits)))):
        text = SourceTable(pa.table({"mobile_no": values}), (), "", "t.csv")
        reading = decide(text, tmp_path).column("mobile_no")
        assert (reading.kind, reading.personal) == ("id", True)


def test_a_question_about_personal_data_shows_none(tmp_path: Path) -> None:
    text = source(email=[f"c{value}@example.org" for value in range(100)])
    plan = decide(text, tmp_path, '[columns.email]\nkind = "number"\n')
    assert "100.0% of its cells are no number" in plan.column("email").question
    assert "@" not in str(plan.to_json()) + plan_text(plan, "t.csv")


def test_open_questions_name_the_column() -> None:
    plan = decide_plan(source(since=["1/2/2020"] * 60, fee=["1"] * 60), SETTINGS)
    error = OpenQuestions(plan, {"since"})
    assert error.exit_code == 2
    assert "column 'since': '1/2/2020' may be" in str(error)
    assert plan.questions({"fee"}) == ()


MONTHS = {
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}


@pytest.mark.parametrize("months", MONTHS.values(), ids=MONTHS)
def test_names_of_months_have_their_accents(tmp_path: Path, months: str) -> None:
    cells = [f"{day} {name} 2020" for name in months.split() for day in (1, 15, 28)]
    text = source(since=cells)
    table, plan = apply_plan(text, decide(text, tmp_path))
    assert (plan.column("since").kind, plan.column("since").unread_share) == ("date", 0.0)
    read = [(time.month, time.day) for time in table["since"].to_pylist()]
    assert read == [(month, day) for month in range(1, 13) for day in (1, 15, 28)]


WRITTEN = {
    "lakh": ("9,28,583.99", 928583.99),
    "Swiss": ("928’583.99", 928583.99),
    "Arabic digits": ("٩٢٨٥٨٣٫٩٩", 928583.99),
    "minus behind": ("928.583,99-", -928583.99),
    "koruna": ("928 583,99 Kč", 928583.99),
}


@pytest.mark.parametrize("cell, value", WRITTEN.values(), ids=WRITTEN)
def test_numbers_as_locales_write_them(tmp_path: Path, cell: str, value: float) -> None:
    cells = [
        cell.replace("8", str(digit)).replace("٨", chr(0x660 + digit)) for digit in range(1, 9)
    ]
    text = source(fee=cells * 5)
    table, plan = apply_plan(text, decide(text, tmp_path))
    assert (plan.column("fee").kind, plan.column("fee").question) == ("number", "")
    assert table["fee"][7].as_py() == value
