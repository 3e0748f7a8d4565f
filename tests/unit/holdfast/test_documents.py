import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from pydantic_core import PydanticSerializationError

from holdfast.documents import inspect_document, place_in, read_document, to_document
from holdfast.errors import InputError


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Line:
    kind: Literal["line"] = "line"
    slope: float


@dataclass(frozen=True, kw_only=True)
class Steps:
    kind: Literal["steps"] = "steps"
    knots: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.knots:
            raise ValueError("needs at least one knot")


@dataclass(frozen=True, kw_only=True)
class Report:
    name: str
    rows: int
    seen: bool
    days: int | None
    size: Literal["small", "large"]
    figures: dict[str, Interval]
    parts: tuple[Interval, ...]
    curve: Annotated[Line | Steps, Field(discriminator="kind")]
    baselines: Annotated[dict[str, float], Field(alias="rivals")]
    others: dict[str, Any]


REPORT = Report(
    name="ä",
    rows=3,
    seen=True,
    days=None,
    size="small",
    figures={"auc": Interval(0.5, 0.75)},
    parts=(Interval(-1.0, 2.0),),
    curve=Line(slope=0.5),
    baselines={"constant": 0.5},
    others={"anything": [1, None, {"x": "y"}]},
)
TEXT = json.dumps(to_document(REPORT))
KEYS = tuple(json.loads(TEXT))


def document(path: str, value: Any = None, *, delete: bool = False) -> Any:
    """The stored report with another value, or none, at a path."""
    whole: Any = json.loads(TEXT)
    place, (*above, last) = whole, path.split(".")
    for key in above:
        place = place[int(key) if isinstance(place, list) else key]
    if delete:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return whole


def test_what_was_written_is_read_back() -> None:
    assert read_document(Report, json.loads(TEXT), "x") == REPORT
    assert read_document(dict[str, Report], {"one": json.loads(TEXT)}, "x") == {"one": REPORT}


def test_a_field_with_an_alias_is_stored_under_it() -> None:
    assert "rivals" in KEYS
    assert set(KEYS) - {"rivals"} == set(asdict(REPORT)) - {"baselines"}


def test_keys_that_are_not_known_are_passed_over() -> None:
    assert read_document(Interval, {"low": 1, "high": 2, "more": "x"}, "x") == Interval(1.0, 2.0)


@pytest.mark.parametrize("path", [*KEYS, "figures.auc.low", "curve.slope"])
def test_nothing_may_be_missing(path: str) -> None:
    with pytest.raises(InputError, match=f"{path.rpartition('.')[2]}: is missing$"):
        read_document(Report, document(path, delete=True), "report.json")


def test_a_curve_must_name_its_kind() -> None:
    with pytest.raises(InputError, match="curve: must be an object that names its kind"):
        read_document(Report, document("curve.kind", delete=True), "report.json")


@pytest.mark.parametrize(
    "path, value, rule",
    [
        ("figures.auc.low", None, r"figures\.auc\.low: must be a finite number \(got 'null'\)"),
        ("figures.auc.low", "0.5", r"figures\.auc\.low: must be a finite number \(got '0\.5'\)"),
        ("figures.auc.low", True, r"figures\.auc\.low: must be a finite number \(got True\)"),
        ("parts.0.high", float("nan"), r"parts\.0\.high: must be a finite number \(got nan\)"),
        ("rivals.constant", float("inf"), r"rivals\.constant: must be a finite number"),
        ("curve.slope", float("-inf"), r"curve\.line\.slope: must be a finite number"),
        ("curve", {"kind": "steps", "knots": []}, r"curve\.steps: needs at least one knot"),
        ("curve.kind", "odd", "curve: .*'line', 'steps'"),
        ("rows", 3.5, "rows: must be a valid integer"),
        ("rows", 3.0, "rows: must be a valid integer"),
        ("rows", True, "rows: must be a valid integer"),
        ("days", "30", "days: must be a valid integer"),
        ("name", 3, "name: must be a valid string"),
        ("seen", 1, "seen: must be a valid boolean"),
        ("size", "huge", "size: must be 'small' or 'large'"),
        ("figures", [1], "figures: must be an object"),
        ("figures.auc", 0.5, r"figures\.auc: must be an object"),
        ("parts", {"0": 1}, "parts: must be a valid array"),
        ("rivals", None, "rivals: must be an object"),
    ],
)
def test_a_value_of_another_kind_is_named(path: str, value: Any, rule: str) -> None:
    with pytest.raises(InputError, match=f"^report.json: 90.{rule}"):
        read_document(Report, document(path, value), "report.json", "90")


@pytest.mark.parametrize("whole", [None, [], "text", 3])
def test_what_is_no_object_is_refused(whole: object) -> None:
    with pytest.raises(InputError, match=r"^report\.json: must be an object"):
        read_document(Report, whole, "report.json")


def test_all_that_is_wrong_is_listed() -> None:
    value, faults = inspect_document(
        Report, {"rows": "x", "figures": {"auc": {"low": None}}}, "report.json", "90"
    )
    assert value is None
    places = {fault.field for fault in faults}
    assert {
        place_in("report.json", "90", *path.split("."))
        for path in ("rows", "figures.auc.low", "figures.auc.high", "parts", "rivals")
    } <= places


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.sampled_from([*KEYS, "figures.auc", "parts.0", "curve.slope"]), JSON)
def test_any_json_is_read_or_refused(path: str, value: Any) -> None:
    value_read, faults = inspect_document(Report, document(path, value), "report.json")
    assert (value_read is None) == bool(faults)
    if value_read is not None and path != "others":
        assert (
            read_document(Report, json.loads(json.dumps(to_document(value_read))), "x")
            == value_read
        )


def test_what_a_field_does_not_declare_is_not_written() -> None:
    with pytest.raises(PydanticSerializationError):
        to_document(replace(REPORT, rows="many"))  # type: ignore[arg-type]
