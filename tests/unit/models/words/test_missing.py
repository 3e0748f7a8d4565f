"""Words of missing values: a fact where the catalogue of features says so, and not known elsewhere."""

import pytest

from features.fields import VIEWS
from features.views.declaration import NEVER
from models.words.catalogue import LANGUAGES, words
from models.words.forms import FORMS, context_of
from models.words.sentence import sentence

WORDED = {
    feature.name: feature
    for view in VIEWS.values()
    if view.name != "consent_live"
    for feature in view.features
}
NAN = float("nan")
DROPS_NOT_KNOWN = (
    "Change in days with dropped connections not known",
    "出现掉线的天数的变化不详",
    "發生斷線的天數的變化不明",
)

NOT_KNOWN = {"en": "not known", "zh-Hans": "不详", "zh-Hant": "不明"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_value_reads_as_a_fact_only_where_it_is_one(language: str) -> None:
    for name, cases in words(language).features.items():
        is_fact = WORDED[name].null_has_meaning
        assert (NOT_KNOWN[language] in cases["null"].lower()) != is_fact, name
        assert ("unknown" in cases) == (FORMS[name].known_by is not None), name
        if "unknown" in cases:
            assert is_fact, name
            assert NOT_KNOWN[language] in cases["unknown"], name


def test_what_a_fact_is_known_by_is_there_wherever_its_tables_are() -> None:
    by_name = {(view.name, feature.name) for view in VIEWS.values() for feature in view.features}
    for name, form in FORMS.items():
        if form.known_by is not None:
            assert not WORDED[form.known_by].null_has_meaning
            assert WORDED[form.known_by].tables == WORDED[name].tables
            assert any({(view, name), (view, form.known_by)} <= by_name for view in VIEWS)
            if WORDED[name].live and WORDED[name].data_class != "location":
                assert WORDED[form.known_by].null == NEVER
            assert form.known_by in context_of(name)


def test_a_fact_of_a_table_that_may_be_absent_names_what_it_is_known_by() -> None:
    for name, feature in WORDED.items():
        if feature.null_has_meaning and not set(feature.tables) <= {"subscriptions", "customers"}:
            assert FORMS[name].known_by is not None, name


@pytest.mark.parametrize(
    "feature, row, english, simplified, traditional",
    [
        ("termination_fee", {}, "No termination fee", "没有违约金", "沒有違約金"),
        (
            "days_since_recharge",
            {"recharges_91d": 0.0},
            "No top-up in the last six months",
            "近半年没有充值",
            "近半年沒有儲值",
        ),
        ("days_since_recharge", {}, "Top-ups not known", "充值情况不详", "儲值情況不明"),
        (
            "days_since_recharge",
            {"billing_type_code": 0.0},
            "Not a prepaid line",
            "不是预付费业务",
            "不是預付型服務",
        ),
        (
            "last_csat",
            {"low_answers_182d": 0.0},
            "No answer on satisfaction in the last six months",
            "近半年没有满意度评分",
            "近半年沒有滿意度評分",
        ),
        (
            "last_csat",
            {"low_answers_182d": NAN},
            "Answers on satisfaction not known",
            "满意度评分不详",
            "滿意度評分不明",
        ),
        (
            "loyalty_tier_code",
            {"in_loyalty_programme": 0.0},
            "Not in the loyalty programme",
            "未加入会员计划",
            "未加入會員計畫",
        ),
        (
            "loyalty_tier_code",
            {"in_loyalty_programme": NAN},
            "Tier of the loyalty programme not known",
            "会员等级不详",
            "會員等級不明",
        ),
        (
            "days_to_price_change",
            {"price_changes_182d": NAN},
            "Price changes not known",
            "调价情况不详",
            "資費調整情況不明",
        ),
        ("drop_days_28d_vs_own", {"product_line_code": 1.0}, *DROPS_NOT_KNOWN),
        (
            "price_change_share",
            {"days_to_price_change": 30.0},
            "Announced price change takes effect in four weeks",
            "已通知的调价还有四周生效",
            "已通知的資費調整還有四週生效",
        ),
    ],
)
def test_missing_values_in_three_languages(
    feature: str, row: dict[str, float], english: str, simplified: str, traditional: str
) -> None:
    sentences = [sentence(feature, {feature: NAN, **row}, words(name)) for name in LANGUAGES]
    texts = [written.text for written in sentences if written is not None]
    assert texts == [english, simplified, traditional]
