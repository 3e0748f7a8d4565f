import pyarrow as pa
import pytest

from features.encoding.reading import missing_count, number_text


@pytest.mark.parametrize(
    "values, missing",
    [
        (pa.array([1.0, None, float("nan"), float("inf")]), 3),
        (pa.array([1, None]), 1),
        (pa.array(["a", " ", None, "nan"]), 2),
        (pa.array(["nan", "", "-inf"]), 3),
        (pa.array([" ", "x", None]).dictionary_encode(), 2),
        (pa.array([" ", "x"], pa.string_view()), 1),
        (pa.nulls(2), 2),
        (pa.array([True, None]), 1),
    ],
)
def test_what_is_missing(values: pa.Array, missing: int) -> None:
    assert missing_count(pa.chunked_array([values])) == missing


def test_numbers_as_text_read_back_as_they_were() -> None:
    assert [number_text(value) for value in (1.0, -0.5, 1e22, 0.1, 12345678901234567.0)] == [
        "1", "-0.5", "10000000000000000000000", "0.1", "12345678901234568",
    ]  # fmt: skip
