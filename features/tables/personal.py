"""Columns that say who a person is: names, telephone numbers, e-mail addresses, identity numbers.

They are no features, and their values are not shown.
"""

import re
from collections.abc import Sequence

_BY_NAME = (
    (
        "telephone numbers",
        re.compile(
            r"(^|_)(phone|mobile|msisdn|telephone|tel|cell|cellphone|fax|handy|telefon|telefono|teléfono|celular|movil|móvil)"
            r"(_?(no|nr|num|number|nummer|numero))?$|手机|电话|手機|電話|телефон|전화"
        ),
        re.compile(r"^[+(]?[\d][\d\s()./+-]{5,20}$"),
    ),
    (
        "e-mail addresses",
        re.compile(r"(^|_)e?_?mail(_?address)?$|邮箱|郵箱|почта|correo"),
        re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    ),
    (
        "identity numbers",
        re.compile(
            r"(^|_)(ssn|passport|iban|imsi|imei|iccid|national_?id|id_?card|identity_?(no|number)|tax_?id|nif|dni|cpf|cnpj|inn|snils|pesel|bsn)"
            r"(_?(no|nr|num|number))?$|身份证|身分證|护照|паспорт|инн|снилс"
        ),
        re.compile(r"^[A-Za-z]{0,4}[\dXx][\dA-Za-z .-]{5,34}$"),
    ),
    (
        "names of people",
        re.compile(
            r"(^|_)((first|last|full|family|given|middle|sur|customer|client|subscriber|contact|holder)_?name|surname|forename"
            r"|vorname|nachname|familienname|apellidos?|prenom|prénom|cognome)$|^(name|nombre|nom|nome)$|姓名|客户名称|客户姓名|фио|фамилия|имя|성명|이름|氏名"
        ),
        re.compile(r"^[^\d]{2,60}$"),
    ),
)
_SHARE = 0.8
_FEWEST_NAMES = 50
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严欧莫孔向常汤康易乔赖文"
    "張劉陳楊黃趙吳孫馬羅鄭謝許韓鄧馮蕭葉呂盧鍾譚陸韋賈鄒閻龍賀顧龔萬錢嚴歐湯喬賴蘇蔣"
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구"
)
"""First characters of Chinese and Korean names: those of some nine in ten people."""
_BY_VALUES = (
    # Kind, how a value is written, and from which share of distinct cells on it is beyond doubt.
    ("e-mail addresses", _BY_NAME[1][2], 0.0),
    ("telephone numbers", re.compile(r"^(\+|00)[1-9][\d\s()./-]{7,18}$"), 0.5),
    (
        "identity numbers",
        re.compile(
            r"^[1-9]\d{5}(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])\d{3}[\dXx]$"
            r"|^[A-Z]{2}\d{2}( ?[A-Z\d]{4}){3,7}( ?[A-Z\d]{1,3})?$"
        ),
        0.5,
    ),
    ("names of people", re.compile(rf"^[{_SURNAMES}][\u4e00-\u9fff\uac00-\ud7a3]{{1,3}}$"), 0.2),
    (
        "names of people",
        re.compile(
            r"^(?:(?:[^\W\d_a-z]\.|[^\W\d_a-z][^\W\d_]+)"
            r"(?:[-'’][^\W\d_]+)*(?:, | (?=\S)|$)){2,4}$"
        ),
        0.5,
    ),
)


def named_personal(name: str) -> bool:
    """Whether a column's name alone says that it may hold what tells who a person is."""
    plain = _plain_name(name)
    return any(named.search(plain) for _, named, _ in _BY_NAME)


def personal_kind(name: str, values: Sequence[str], distinct: int, cells: float) -> str | None:
    """What a column says of a person, by its name or by its values alone; None where it says
    nothing.

    Parameters
    ----------
    name : str
        The column's name.
    values : sequence of str
        Some of its different values.
    distinct : int
        How many different values it has.
    cells : float
        How many cells it has.
    """
    if not values:
        return None
    plain = _plain_name(name)
    for kind, named, pattern in _BY_NAME:
        fits = sum(pattern.search(value) is not None for value in values) / len(values)
        if named.search(plain) and fits >= _SHARE and distinct > 10:
            return kind
    for kind, pattern, distinct_share in _BY_VALUES:
        # A category, such as one of cities, has few values that repeat.
        if distinct_share and (distinct < _FEWEST_NAMES or distinct < distinct_share * cells):
            continue
        if sum(pattern.search(value) is not None for value in values) >= _SHARE * len(values):
            return kind
    return None


def _plain_name(name: str) -> str:
    return re.sub(r"[^\w]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).strip("_").lower()
