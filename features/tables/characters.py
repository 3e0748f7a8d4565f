"""One form of text before it is read as a number or a date: full-width digits, blanks that do not
break, and signs that look alike are one character each.
"""

import unicodedata
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

_ALIKE = (
    ("\N{MINUS SIGN}", "-"),
    ("\N{EN DASH}", "-"),
    ("\N{FIGURE DASH}", "-"),
    ("\N{HYPHEN}", "-"),
    ("\N{NON-BREAKING HYPHEN}", "-"),
    ("\N{RIGHT SINGLE QUOTATION MARK}", "'"),
    ("\N{LEFT SINGLE QUOTATION MARK}", "'"),
    ("\N{MODIFIER LETTER APOSTROPHE}", "'"),
    ("\N{ARABIC DECIMAL SEPARATOR}", "."),
    ("\N{ARABIC THOUSANDS SEPARATOR}", ","),
    ("\N{ZERO WIDTH SPACE}", ""),
    ("\N{ZERO WIDTH NO-BREAK SPACE}", ""),
    ("\N{LEFT-TO-RIGHT MARK}", ""),
    ("\N{RIGHT-TO-LEFT MARK}", ""),
)


def plain_characters(texts: pa.Array) -> pa.Array:
    """Texts in one form, blanks around them removed.

    Parameters
    ----------
    texts : (n,) pyarrow string array
        Null stays null.
    """
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        texts = pc.utf8_normalize(texts, "NFKC")
        for sign, plain in _ALIKE:
            texts = pc.replace_substring(texts, sign, plain)
        for digit in _other_digits(texts):
            texts = pc.replace_substring(texts, digit, str(unicodedata.decimal(digit)))
    return pc.utf8_trim_whitespace(texts)


def _other_digits(texts: pa.Array) -> Iterable[str]:
    # Digits of other scripts that the normal form keeps, such as Arabic ones.
    others = texts.filter(pc.invert(pc.string_is_ascii(texts)))
    signs = {sign for text in others.to_pylist() for sign in text if not sign.isascii()}
    return sorted(sign for sign in signs if unicodedata.decimal(sign, None) is not None)
