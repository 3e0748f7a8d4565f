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
_EMAIL = _BY_NAME[1][2]
_SHARE = 0.8


def personal_kind(name: str, values: Sequence[str], distinct: int) -> str | None:
    """What a column says of a person, None where it says nothing.

    Parameters
    ----------
    name : str
        The column's name.
    values : sequence of str
        Some of its different values.
    distinct : int
        How many different values it has.
    """
    if not values:
        return None
    plain = re.sub(r"[^\w]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).strip("_").lower()
    for kind, named, pattern in _BY_NAME:
        fits = sum(pattern.search(value) is not None for value in values) / len(values)
        if named.search(plain) and fits >= _SHARE and distinct > 10:
            return kind
    emails = sum(_EMAIL.search(value) is not None for value in values)
    return "e-mail addresses" if emails >= _SHARE * len(values) else None
