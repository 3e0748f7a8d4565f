"""Files of a home's own features are read, and what is wrong with them is told by file and line."""

from pathlib import Path

import pytest

from features.fields import BUILT_IN, SERVICES
from features.own.consistency import inspect_own_view
from features.own.needed import own_features_document, own_features_problem
from features.own.reading import inspect_directory, read_catalogue
from features.own.template import write_template
from features.views.declaration import OwnFeature
from holdfast.errors import InputError
from holdfast.home import Home
from models.words.own import words_of, words_of_view
from tests.builders.own_features import FEATURE, VIEW, example_sql, example_toml, write_example


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_home_without_any_has_ours_alone(home: Home) -> None:
    assert read_catalogue(home) == BUILT_IN


def test_own_features_come_behind_ours(home: Home) -> None:
    write_example(home)
    catalogue = read_catalogue(home)
    assert list(catalogue.views) == [*BUILT_IN.views, VIEW]
    assert catalogue.columns("churn_v1") == (*BUILT_IN.columns("churn_v1"), FEATURE)
    assert {name for name in SERVICES if FEATURE in catalogue.columns(name)} == {"churn_v1"}
    feature = catalogue.by_name[FEATURE]
    assert isinstance(feature, OwnFeature)
    assert (feature.minimum, feature.maximum, feature.lines) == (0, 1, ("prepaid",))
    assert not feature.live
    assert feature.null_has_meaning
    assert catalogue.features_without("recharges")[-1] == FEATURE
    assert catalogue.disabled_features({"customers"})[VIEW] == {FEATURE: ("recharges",)}
    # Its SQL reads weeks, so that days are not enough.
    assert OwnFeature.absent(feature, {"usage_days"}) == ("recharges",)


def test_homes_do_not_know_of_each_other(home: Home, tmp_path: Path) -> None:
    write_example(home)
    other = Home(tmp_path / "other")
    write_template(other.features / "own", "visits")
    first, second, third = (
        read_catalogue(one) for one in (home, other, Home(tmp_path / "nobody's"))
    )
    assert [view.name for view in first.own] == [VIEW]
    assert [view.name for view in second.own] == ["own_visits"]
    assert third.own == ()
    assert BUILT_IN.own == ()


def test_the_template_is_as_it_must_be(home: Home) -> None:
    toml, sql = write_template(home.features / "own", "visits")
    (view,) = read_catalogue(home).own
    assert inspect_own_view(view)[1] == []
    assert words_of([view])["own_visits_28d"].texts["zh-Hant"]["none"] == "最近四週沒有儲值"
    with pytest.raises(InputError, match=r"must be that of no file .*visits\.toml"):
        write_template(home.features / "own", "visits")
    assert (toml.stem, sql.stem) == ("visits", "visits")
    for name in ("Visits", "own_visits", "9", "a/b", ""):
        with pytest.raises(InputError, match="NAME"):
            write_template(home.features / "own", name)


@pytest.mark.parametrize(
    ("was", "becomes", "line", "rule"),
    [
        ('unit = "share"', 'unit = "code"', 6, "codes cannot be declared"),
        ('driver = "usage"', 'driver = "love"', 7, "'relationship'"),
        ('data_class = "none"', 'data_class = "special"', 9, "must not be special"),
        ('lines = ["prepaid"]', 'lines = ["both"]', 12, "must be some of postpaid, prepaid, fixed"),
        ("minimum = 0", "minimum = 2", 13, "must not exceed the maximum 1"),
        ('unit = "share"\n', "", 4, "unit: Field required"),
        ('unit = "share"', 'unit = "share"\ncolour = 1', 7, "Extra inputs"),
        ('tables = ["recharges"]', 'tables = ["port_requests"]', 2, "exclusion and reporting"),
        ('tables = ["recharges"]', 'tables = ["nothing"]', 2, "must be raw tables"),
        ('entity = "subscription"', 'entity = "contact"', 1, "'subscription' or 'customer'"),
        (
            'entity = "subscription"\n',
            'entity = "subscription"\nservices = ["consent_v1"]\n',
            2,
            "must be some of churn_v1",
        ),
        ("features.own_store", "features.store", 4, "must be named own_"),
        ('unit = "share"', "unit = ", 6, "must be TOML"),
    ],
)
def test_a_wrong_declaration_is_told_by_file_and_line(
    was: str, becomes: str, line: int, rule: str, home: Home
) -> None:
    text = example_toml()
    assert was in text
    folder = write_example(home, toml=text.replace(was, becomes, 1))
    views, faults = inspect_directory(folder)
    assert views == ()
    (fault,) = faults
    assert (fault.path, fault.line) == (folder / "recharge_place.toml", line)
    assert rule in fault.rule
    with pytest.raises(InputError, match=rf"recharge_place\.toml, line {line}: "):
        read_catalogue(home)


def test_files_that_belong_together_are_together(home: Home) -> None:
    folder = write_example(home)
    (folder / "alone.sql").write_text("SELECT 1", encoding="utf-8")
    write_example(home, name="twice")
    (folder / "bare.toml").write_text(example_toml(), encoding="utf-8")
    (folder / "Bad Name.toml").write_text(example_toml(), encoding="utf-8")
    rules = {fault.path.name: fault.rule for fault in inspect_directory(folder)[1]}
    assert rules["alone.sql"] == "must have its declarations beside it, in alone.toml"
    assert rules["bare.toml"] == "must have its SQL beside it, in bare.sql"
    assert rules["twice.toml"] == "must not be declared in recharge_place.toml too"
    assert "small letters" in rules["Bad Name.toml"]


@pytest.mark.parametrize(
    ("toml", "sql", "rule"),
    [
        (('["recharges"]', '["recharges", "bills"]'), None, "must be read in recharge_place.sql"),
        (('["recharges"]', '["bills"]'), None, "must name all that recharge_place.sql reads"),
        (
            ('["recharges"]', '["usage_weeks"]'),
            ("recharges", "usage_weeks"),
            "must be traffic, as that of usage_weeks.",
        ),
        (
            ('["recharges"]', '["usage_weeks"]'),
            ("channel = 'store'", "roaming_days > 0"),
            "must",
        ),
    ],
)
def test_what_is_declared_is_what_the_sql_reads(
    toml: tuple[str, str], sql: tuple[str, str] | None, rule: str, home: Home
) -> None:
    query = example_sql() if sql is None else example_sql().replace(*sql)
    if "usage_weeks" in query:
        query = query.replace("usage_weeks.channel = 'store'", "usage_weeks.minutes > 0")
    write_example(home, toml=example_toml().replace(*toml), sql=query)
    (view,) = read_catalogue(home).own
    _, faults = inspect_own_view(view)
    assert any(rule in fault.rule for fault in faults), faults


@pytest.mark.parametrize(
    ("was", "becomes", "rule"),
    [
        ('some = "{value} of', 'some = "{valeu} of', "must have no other gaps than"),
        (
            'none = "No top-up in a',
            'nothing = "No top-up in a',
            "must be a case of the form amount",
        ),
        ('null = "No top-up in the last eight weeks"\n', "", "must have the case 'null'"),
        ("were made in a store", "were made in a store.", "without a full stop"),
        (
            '[words.en.reasons]\nown_recharge_place = "Where top-ups are made"',
            "",
            "must name the reason",
        ),
        ("words.zh-Hans", "words.fr", "must be one of en, zh-Hans, zh-Hant"),
        ('kind = "amount"', 'kind = "code"', "must be one of amount"),
        ('kind = "amount"', 'kind = "sonnet"', "Input should be"),
        ('show = "percent"', 'usual = "x"', "Extra inputs|Unexpected keyword"),
        ("{value} of", "{value of", "must have braces in pairs"),
        ('some = "{value} of', 'some = " {value} of', "without spaces around it"),
    ],
)
def test_words_are_in_the_form_and_in_every_language(
    was: str, becomes: str, rule: str, home: Home
) -> None:
    text = example_toml()
    assert was in text
    write_example(home, toml=text.replace(was, becomes))
    (view,) = read_catalogue(home).own
    words, faults = words_of_view(view)
    assert words == {}
    assert any(
        rule.split("|")[0] in one.rule or rule.split("|")[-1] in one.rule for one in faults
    ), faults
    with pytest.raises(InputError, match=r"recharge_place\.toml: (words|features)\."):
        words_of([view])


def test_a_version_needs_the_same_query_but_not_the_same_spaces(home: Home) -> None:
    write_example(home)
    documents = {"own_features.json": own_features_document("churn_v1", read_catalogue(home))}
    assert list(documents["own_features.json"]) == [FEATURE]
    assert own_features_document("consent_v1", read_catalogue(home)) == {}
    write_example(home, sql="/* again */\n" + example_sql().replace("\n", "  \n -- so\n"))
    assert own_features_problem(documents, read_catalogue(home)) is None
    write_example(home, sql=example_sql().replace("56 DAY", "28 DAY"))
    problem = own_features_problem(documents, read_catalogue(home)) or ""
    assert "put back the SQL of recharge_place.toml" in problem
    problem = own_features_problem(documents, BUILT_IN) or ""
    assert f"put back recharge_place.toml ({FEATURE}), or train again" in problem
    assert own_features_problem({}, BUILT_IN) is None
