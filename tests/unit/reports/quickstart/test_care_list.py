import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.files import escape_formula
from reports.quickstart.care_list import CareEntry, care_list_csv, order_of_care
from reports.words.texts import texts

probabilities = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=20)


@given(probabilities)
def test_without_a_value_the_riskiest_come_first_and_the_unknown_last(values: list[float]) -> None:
    probability = np.array(values)[order_of_care(np.array(values), None)]
    known = probability[~np.isnan(probability)]
    assert np.all(np.diff(known) <= 0)
    assert np.isnan(probability[len(known) :]).all()


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.one_of(st.floats(-100, 100), st.just(float("nan")))),
        min_size=1,
        max_size=20,
    )
)
def test_with_a_value_the_most_at_stake_come_first_and_unknown_values_last_by_risk(
    rows: list[tuple[float, float]],
) -> None:
    probability, value = np.array(rows).T
    order = order_of_care(probability, value)
    at_stake = (probability * value)[order]
    known = int((~np.isnan(at_stake)).sum())
    assert np.all(np.diff(at_stake[:known]) <= 0)
    assert np.isnan(at_stake[known:]).all()
    assert np.all(np.diff(probability[order][known:]) <= 0)


def _entry(**changes: object) -> CareEntry:
    entry = {
        "customer_id": "007",
        "probability": 0.5,
        "band": "high",
        "value_at_stake": None,
        "reasons": ("a: 1", "b: 2"),
    }
    return CareEntry(**{**entry, **changes})  # type: ignore[arg-type]


def test_the_list_as_a_file() -> None:
    rows = list(
        csv.DictReader(io.StringIO(care_list_csv([_entry(), _entry(probability=None, band="")])))
    )
    assert rows[0] == {
        "rank": "1",
        "customer_id": "007",
        "probability": "0.5000",
        "band": "high",
        "reason_1": "a: 1",
        "reason_2": "b: 2",
        "reason_3": "",
    }
    assert rows[1]["probability"] == rows[1]["band"] == ""


@pytest.mark.parametrize("language", ("zh-Hans", "zh-Hant"))
def test_in_chinese_no_english_is_left(language: str) -> None:
    entries = [_entry(value_at_stake=1.0, reasons=("套餐: 1",))]
    header, row = csv.reader(io.StringIO(care_list_csv(entries, texts(language))))
    assert not re.search("[A-Za-z]", "".join(header + row))
    assert len(header) == len(set(header)) == 8


def test_value_at_stake_has_a_column_where_it_is_known() -> None:
    rows = list(
        csv.DictReader(io.StringIO(care_list_csv([_entry(value_at_stake=-3.14159), _entry()])))
    )
    assert [row["value_at_stake"] for row in rows] == ["-3.14", ""]


@pytest.mark.parametrize("start", list("=+-@\t\r\n＝＋"))
def test_formulas_are_text(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    row = next(
        csv.DictReader(
            io.StringIO(care_list_csv([_entry(customer_id=text, reasons=(text,))]), newline="")
        )
    )
    assert row["customer_id"] == row["reason_1"] == f"'{text}"


@given(st.text(min_size=1))
def test_no_escaped_text_starts_a_formula(text: str) -> None:
    assert escape_formula(text)[0] not in "=+-@\t\r\n"
    assert escape_formula(text).endswith(text)
