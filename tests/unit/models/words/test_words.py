"""Words: every feature has them in every language, they claim no cause, and they read as people
speak.
"""

import re
from dataclasses import replace
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.vocabulary import (
    BILLING_TYPES,
    INTERACTION_CHANNELS,
    ISSUES,
    PRODUCT_LINES,
    SEGMENTS,
    TIERS,
)
from features.fields import VIEWS
from features.views.declaration import DRIVERS
from holdfast.errors import InputError
from models.words import catalogue
from models.words.catalogue import LANGUAGES, resolve, words
from models.words.forms import CODES, FORMS, read_forms
from models.words.sentence import fallback, sentence

WORDED = {
    feature.name: feature
    for view in VIEWS.values()
    if view.name != "consent_live"
    for feature in view.features
}
CONTEXT = ("billing_type_code", "product_line_code", "customer_lines")
NAN = float("nan")

CAUSAL = {
    "en": (
        r"\b(because|due to|owing to|thanks to|on account of|cause|caused|causes|causing|lead to"
        r"|leads to|led to|leading to|result in|results in|resulted in|as a result|therefore|thus"
        r"|hence|consequently|explains|responsible for|that is why|makes|made)\b"
    ),
    "zh-Hans": "因为|由于|因此|因而|所以|导致|造成|引起|引发|致使|使得|促使|原因|缘故|归因|归咎|从而|于是|故而",
    "zh-Hant": "因為|由於|因此|因而|所以|導致|造成|引起|引發|致使|使得|促使|原因|緣故|歸因|歸咎|從而|於是|故而",
}
"""What claims a cause. A contribution to a prediction does not cause what happens."""


def say(language: str, feature: str, **row: float) -> str:
    written = sentence(feature, row, words(language))
    assert written is not None
    return written.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_feature_reason_and_driver_has_words(language: str) -> None:
    texts = words(language)
    assert set(texts.features) == set(FORMS) == set(WORDED)
    assert set(texts.reasons) == {feature.reason for feature in WORDED.values()}
    assert set(DRIVERS) < set(texts.drivers)
    assert set(texts.directions) == {"raises", "lowers"}


@pytest.mark.parametrize(
    "form, path, rule",
    [
        (None, "form", "dictionary"),
        ({"show": "days"}, "form.kind", "required"),
        ({"kind": "amonut"}, "form.kind", "'amount', 'change'"),
        ({"kind": "amount", "unit": "days"}, "form.unit", "nexpected"),
        ({"kind": "amount", "usual": {"weeks": 4}}, "form.usual.level", "required"),
    ],
)
def test_a_form_that_is_wrong_is_named(form: object, path: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        read_forms({"tenure_days": {"form": form}})
    assert caught.value.field == f"models/words/en.toml features.tenure_days.{path}"


def test_every_code_has_words() -> None:
    counts = [
        len(names)
        for names in (BILLING_TYPES, PRODUCT_LINES, SEGMENTS, TIERS, INTERACTION_CHANNELS, ISSUES)
    ]
    assert list(CODES.values()) == counts
    assert set(CODES) == {name for name, form in FORMS.items() if form.kind == "code"}


def test_features_used_beside_a_feature_have_the_same_reason() -> None:
    for name, form in FORMS.items():
        beside = [form.through, form.instead]
        if form.usual is not None:
            beside += [form.usual.level, form.usual.minus, form.usual.over]
            assert (form.usual.minus is None) != (form.usual.over is None)
        for other in filter(None, beside):
            # A week's use and its trend are told apart; so are a bill and how unlike the others it
            # is.
            assert WORDED[other].driver == WORDED[name].driver
        if form.through is not None:
            assert FORMS[form.through].usual is not None
            assert WORDED[form.through].reason == WORDED[name].reason


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_claim_a_cause(language: str) -> None:
    texts = words(language)
    tables = [texts.drivers, texts.reasons, texts.directions, texts.actionable, texts.phrases]
    tables += [*texts.fragments.values(), *texts.features.values()]
    for text in (text for table in tables for text in table.values()):
        assert not re.search(CAUSAL[language], text, re.IGNORECASE), text


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant"])
def test_chinese_scripts_and_terms_are_not_mixed(language: str) -> None:
    texts = "".join(text for table in words(language).features.values() for text in table.values())
    simplified, traditional = "网络单账费约价预评满数据联询费优", "網絡單賬費約價預評滿數據聯詢費優"
    foreign = set(traditional if language == "zh-Hans" else simplified) - set(
        simplified if language == "zh-Hans" else traditional
    )
    assert not foreign & set(texts)
    # What each region calls it: not one text converted into the other's characters.
    here = {
        "zh-Hans": ("套餐", "流量", "充值", "工单"),
        "zh-Hant": ("資費方案", "數據用量", "儲值", "案件", "網路", "帳單"),
    }
    there = {
        "zh-Hans": ("資費", "數據", "儲值"),
        "zh-Hant": ("套餐", "流量", "充值", "工單", "網絡", "賬單", "信息", "質量", "登錄"),
    }
    assert all(term in texts for term in here[language])
    assert not any(term in texts for term in there[language])


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=100)
@given(data=st.data())
def test_any_value_gives_a_whole_sentence(language: str, data: st.DataObject) -> None:
    values = st.floats() | st.sampled_from(
        [0.0, 1.0, -1.0, 2.0, 0.4, 3.0, 27.5, 100.0, NAN, 1e-12, 1e300, -1e300]
    )
    # With those of its reason: what is told beside it, and what is told instead.
    feature = data.draw(st.sampled_from(list(FORMS)))
    named = [name for name in FORMS if WORDED[name].reason == WORDED[feature].reason]
    row = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys((*named, *CONTEXT), values)))
    for feature in named:
        written = sentence(feature, row, words(language))
        assert written is not None
        text = written.text
        assert text == text.strip()
        assert len(text) < 200
        assert not set("{}") & set(text), text
        assert not re.search(r"\bnan\b|\binf\b|None|e\+|  |，，|, ,", text), text
        assert text[0] == text[0].upper()
        assert written.feature in FORMS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_of_every_feature_reads_whole(language: str) -> None:
    values = [NAN, 0.0, 1.0, -1.0, 0.5, 2.0, 1.1, 3.0, -3.0, 7.0, 45.0]
    for feature in FORMS:
        texts = [
            say(language, feature, **{feature: value, "product_line_code": line})
            for value in values
            for line in (0.0, 1.0, NAN)
        ]
        assert all(texts)
        assert len(set(texts)) > 1
        assert not any("{" in text for text in texts)


GOLDEN = [
    (
        "drop_days_7d",
        {
            "drop_days_7d": 3,
            "drop_days_28d": 3,
            "drop_days_28d_vs_own": 0.75,
            "product_line_code": 0,
        },
        "Three days with dropped calls in the last week, usually none",
        "近一周有三天出现通话中断，平时没有",
        "近一週有三天發生通話中斷，平時沒有",
    ),
    (
        "drop_days_28d_vs_own",
        {"drop_days_28d": 11, "drop_days_28d_vs_own": 1.5, "product_line_code": 1},
        "11 days with dropped connections in the last four weeks, usually about five",
        "近四周有11天出现掉线，平时约五天",
        "近四週有11天發生斷線，平時約五天",
    ),
    (
        "drop_days_28d_vs_own",
        {"drop_days_28d_vs_own": 1.0},
        "One more day a week with dropped calls or connections than usual",
        "出现通话中断或掉线的日子每周比平时多一天",
        "發生通話中斷或斷線的日子每週比平時多一天",
    ),
    (
        "data_gb_28d_vs_own",
        {"data_gb_28d_vs_own": 0.5, "data_gb_28d": 3.2},
        "50% less data than usual over the last four weeks: 3.2 GB a week, usually 6.4 GB",
        "近四周流量比平时少50%：每周3.2 GB，平时6.4 GB",
        "近四週數據用量比平時少50%：每週3.2 GB，平時6.4 GB",
    ),
    (
        "days_to_commitment_end",
        {"days_to_commitment_end": 91, "days_out_of_commitment": NAN},
        "Minimum term ends in three months",
        "合约期还有三个月到期",
        "合約還有三個月到期",
    ),
    (
        "days_to_commitment_end",
        {"days_to_commitment_end": NAN},
        "No minimum term",
        "没有合约期",
        "沒有合約期",
    ),
    (
        "days_to_commitment_end",
        {"days_to_commitment_end": NAN, "days_out_of_commitment": 913},
        "Minimum term ended two and a half years ago",
        "合约期到期已有两年半",
        "合約到期已有兩年半",
    ),
    (
        "bill_vs_own",
        {"bill_vs_own": 1.79, "last_bill": 257.15},
        "Last bill 79% higher than usual: 257.15, usually 143.66",
        "上期账单比平时高79%：257.15，平时143.66",
        "上期帳單比平時高79%：257.15，平時143.66",
    ),
    (
        "days_since_recharge",
        {"days_since_recharge": 44, "recharge_gap_vs_median": 3.14, "billing_type_code": 1},
        "Last top-up six weeks ago, usually one every two weeks",
        "上次充值在六周前，平时每两周充一次",
        "上次儲值是六週前，平時每兩週儲值一次",
    ),
    (
        "recharges_91d",
        {"recharges_91d": 0, "billing_type_code": 0},
        "Not a prepaid line",
        "不是预付费业务",
        "不是預付型服務",
    ),
    (
        "unresolved_contacts_28d",
        {"unresolved_contacts_28d": 2},
        "Two contacts left unresolved in the last four weeks",
        "近四周有两次客服联系未解决问题",
        "近四週有兩次客服聯絡未解決問題",
    ),
    (
        "transfers_28d",
        {"transfers_28d": 2},
        "Handed on to another agent twice in the last four weeks",
        "近四周被转接给其他客服两次",
        "近四週被轉接給其他客服兩次",
    ),
    (
        "saving_on_best_plan",
        {"saving_on_best_plan": 12.5},
        "Could save 12.50 a month on the cheapest plan for this use",
        "按目前用量，换成最省的套餐每月可省12.50",
        "以目前用量來看，改用最省的資費方案每月可省12.50",
    ),
    (
        "price_change_share",
        {"price_change_share": 0.057},
        "Price increase of 5.7% announced in the last six months",
        "近半年收到涨价5.7%的通知",
        "近半年收到資費調漲5.7%的通知",
    ),
    (
        "loyalty_tier_code",
        {"loyalty_tier_code": 2},
        "Gold tier of the loyalty programme",
        "会员等级为金卡",
        "會員等級為金卡",
    ),
    (
        "loyalty_points",
        {"loyalty_points": 12345},
        "12,345 loyalty points to spend",
        "可用积分1.2万分",
        "可用點數1.2萬點",
    ),
    (
        "contact_channel_code",
        {"contact_channel_code": 6},
        "Contact in a store",
        "在营业厅联系",
        "到門市洽詢",
    ),
    (
        "mean_wait_seconds_28d",
        {"mean_wait_seconds_28d": 45},
        "45 seconds of waiting in an average contact of the last four weeks",
        "近四周每次联系客服平均等待45秒",
        "近四週每次聯絡客服平均等候45秒",
    ),
    (
        "worst_outage_minutes_28d",
        {"worst_outage_minutes_28d": 130, "customer_lines": 3},
        "Two hours without service on the worst line in the last four weeks",
        "近四周最差的一条线路服务中断共两小时",
        "近四週最差的一條線路服務中斷共兩小時",
    ),
    (
        "worst_outage_minutes_28d",
        {"worst_outage_minutes_28d": 35, "customer_lines": 1},
        "35 minutes without service in the last four weeks",
        "近四周服务中断共35分钟",
        "近四週服務中斷共35分鐘",
    ),
    (
        "least_data_gb_28d_vs_own",
        {"least_data_gb_28d_vs_own": 0.75, "customer_lines": 2},
        "25% less data than usual over the last four weeks on the line where it fell most",
        "近四周降幅最大的一条线路流量比平时少25%",
        "近四週降幅最大的一條線路數據用量比平時少25%",
    ),
    (
        "longest_tenure_days",
        {"longest_tenure_days": 1300, "customer_lines": 3},
        "Oldest line in service for three and a half years",
        "最早的业务已开通三年半",
        "最早的服務已啟用三年半",
    ),
    (
        "total_monthly_fee",
        {"total_monthly_fee": 57.66, "customer_lines": 2},
        "Monthly fees of all lines together: 57.66",
        "所有业务月费合计57.66",
        "所有服務月租費合計57.66",
    ),
    (
        "tenure_days",
        {"tenure_days": 365},
        "Line in service for one year",
        "该业务已开通一年",
        "此服務已啟用一年",
    ),
    (
        "last_csat",
        {"last_csat": 2},
        "Last answer on satisfaction: 2 out of 5",
        "最近一次满意度评分2分（满分5分）",
        "最近一次滿意度評分2分（滿分5分）",
    ),
]


@pytest.mark.parametrize("feature, row, english, simplified, traditional", GOLDEN)
def test_sentences_in_three_languages(
    feature: str, row: dict[str, float], english: str, simplified: str, traditional: str
) -> None:
    assert [say(language, feature, **row) for language in LANGUAGES] == [
        english,
        simplified,
        traditional,
    ]


def test_the_usual_value_is_added_only_where_the_row_has_it() -> None:
    with_usual = say(
        "en", "drop_days_7d", drop_days_7d=2, drop_days_28d=6, drop_days_28d_vs_own=0.25
    )
    assert with_usual.endswith("in the last week, usually about one")
    assert say("en", "drop_days_7d", drop_days_7d=2, drop_days_28d=6).endswith("in the last week")
    assert say(
        "en", "drop_days_7d", drop_days_7d=2, drop_days_28d=6, drop_days_28d_vs_own=NAN
    ).endswith("in the last week")
    # More of a rise than there is: a week was not known, and what is usual is not either.
    assert say(
        "en", "drop_days_7d", drop_days_7d=2, drop_days_28d=2, drop_days_28d_vs_own=1.0
    ).endswith("in the last week")
    assert say("en", "minutes_7d", minutes_7d=40, minutes_28d=44, minutes_28d_vs_own=1.1).endswith(
        ", about as usual"
    )


def test_a_missing_value_and_an_infinite_one_read_alike() -> None:
    assert (
        say("en", "monthly_fee", monthly_fee=NAN)
        == say("en", "monthly_fee")
        == "Monthly fee not known"
    )
    assert say("en", "monthly_fee", monthly_fee=float("inf")) == "Monthly fee not known"


def test_a_code_without_words_reads_as_missing() -> None:
    assert say("en", "segment_code", segment_code=9) == "Customer segment not known"


def test_the_sentence_names_the_feature_that_it_tells_of() -> None:
    row = {"drop_days_28d": 11.0, "drop_days_28d_vs_own": 1.5}
    written = sentence("drop_days_28d_vs_own", row, words("en"))
    assert written is not None
    assert written.feature == "drop_days_28d"
    assert sentence("a column of a team's own", row, words("en")) is None


@pytest.mark.parametrize(
    "value, texts",
    [
        (1234.5, ["fee: 1,234", "fee：1234", "fee：1234"]),
        (-2.25, ["fee: −2.2", "fee：−2.2", "fee：−2.2"]),
        ("two years", ["fee: two years", "fee：two years", "fee：two years"]),
        (None, ["fee: not known", "fee：不详", "fee：不明"]),
        (NAN, ["fee: not known", "fee：不详", "fee：不明"]),
    ],
)
def test_columns_of_a_teams_own_read_as_name_and_value(
    value: float | str | None, texts: list[str]
) -> None:
    assert [fallback("fee", value, words(language)) for language in LANGUAGES] == texts


@pytest.mark.parametrize(
    "days, english, simplified",
    [
        (2 / 24, "two hours", "两小时"),
        (1, "24 hours", "24小时"),
        (2, "two days", "两天"),
        (13, "13 days", "13天"),
        (14, "two weeks", "两周"),
        (59, "eight weeks", "八周"),
        (61, "two months", "两个月"),
        (360, "one year", "一年"),
        (400, "13 months", "13个月"),
        (730, "two years", "两年"),
        (1300, "three and a half years", "三年半"),
        (2100, "six years", "六年"),
        (7300, "20 years", "20年"),
    ],
)
def test_time_spans_have_the_unit_that_fits(days: float, english: str, simplified: str) -> None:
    assert [words(language).numerals.span(days) for language in ("en", "zh-Hans")] == [
        english,
        simplified,
    ]


@pytest.mark.parametrize(
    "tag, language",
    [
        *(
            ("en", "en"),
            ("en-GB", "en"),
            ("zh", "zh-Hans"),
            ("zh-CN", "zh-Hans"),
            ("zh_TW", "zh-Hant"),
            ("zh-HK", "zh-Hant"),
        ),
        *(("zh-Hant-MO", "zh-Hant"), ("ZH-hans", "zh-Hans"), ("zh-Hans-HK", "zh-Hans")),
    ],
)
def test_languages_are_resolved_by_their_tags(tag: str, language: str) -> None:
    assert resolve(tag) == language


@pytest.mark.parametrize("tag", ["fr", "", "english", "z"])
def test_a_language_without_words_is_named(tag: str) -> None:
    with pytest.raises(InputError, match="en, zh-Hans, zh-Hant") as caught:
        words(tag)
    assert caught.value.field == "language"


def test_faulty_words_are_named() -> None:
    texts = words("en")
    features = {**texts.features, "autopay": {"null": "?", "yes": "{valu}", "maybe": "!"}}
    faults = catalogue._faults(replace(texts, features=features), "autopay")
    assert faults == ["autopay lacks 'no'", "autopay has no case 'maybe'", "autopay.yes has {valu}"]


def test_sentences_of_one_reason_differ_by_language_only_in_words() -> None:
    """The same values are told in every language: none of them leaves out the customer's own."""
    for feature, form in FORMS.items():
        if form.kind == "code" or form.kind == "flag":
            continue
        for case in ("some", "less", "more", "ahead", "past"):
            names = [
                {
                    name
                    for _, name, _, _ in Formatter().parse(
                        words(language).features[feature].get(case, "")
                    )
                    if name
                }
                & {"value", "change", "times", "often"}
                for language in LANGUAGES
            ]
            assert names[0] == names[1] == names[2], feature
