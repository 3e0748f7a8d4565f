"""One form of text before it is read as a number or a date: full-width digits, blanks that do not
break, and signs that look alike are one character each.
"""

import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

_ALIKE = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{FIGURE DASH}": "-",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
        "\N{ARABIC DECIMAL SEPARATOR}": ".",
        "\N{ARABIC THOUSANDS SEPARATOR}": ",",
        "\N{ZERO WIDTH SPACE}": "",
        "\N{ZERO WIDTH NO-BREAK SPACE}": "",
        "\N{LEFT-TO-RIGHT MARK}": "",
        "\N{RIGHT-TO-LEFT MARK}": "",
    }
)


def plain_characters(texts: pa.Array) -> pa.Array:
    """Texts in one form, blanks around them removed.

    Parameters
    ----------
    texts : (n,) pyarrow string array
        Null stays null.
    """
    others = pc.fill_null(pc.invert(pc.string_is_ascii(texts)), False)
    if pc.any(others).as_py():
        # Not by Arrow, whose normal forms leave accents apart from their letters.
        plain = [_plain(text) for text in texts.filter(others).to_pylist()]
        texts = pc.replace_with_mask(texts, others, pa.array(plain, texts.type))
    return pc.utf8_trim_whitespace(texts)


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_ALIKE)
    # Digits of other scripts that the normal form keeps, such as Arabic ones.
    return "".join(
        sign if sign.isascii() or not sign.isdecimal() else str(unicodedata.decimal(sign))
        for sign in text
    )
