"""Page: what all HTML pages have in common.

A page is one file. It has no script and loads nothing, and its content security policy forbids
both. Names and values of a team's data are shown as text, whatever characters they contain.
"""

import base64
import hashlib
import io
import re
import shlex
import warnings
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from reports.kit import style
from reports.kit.numbers import count, expected, share, signed
from reports.words.texts import ENGLISH, Texts

_SHADES = {
    style.INK: "var(--ink)",
    style.MUTED: "var(--muted)",
    style.GRID: "var(--rule)",
    style.MODEL: "var(--model)",
    style.PALE: "var(--pale)",
    style.RISK: "var(--risk)",
}
_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_LONGEST_NAME = 120


@cache
def environment(texts: Texts = ENGLISH) -> Environment:
    """The templates below `reports`, named by their path there. They escape all values, and have
    filters for numbers and names.

    Parameters
    ----------
    texts : Texts
        In which language they are.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    templates.policies["ext.i18n.trimmed"] = True
    # What the extension adds is known to no type checker.
    templates.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    templates.globals["language"] = texts.language
    templates.filters |= {
        "count": count,
        "expected": expected,
        "name": name,
        "quote": shlex.quote,
        "sha256": sha256,
        "share": share,
        "signed": signed,
    }
    return templates


def inline_svg(figure: Figure, name: str) -> Markup:
    """A figure as an SVG element of an HTML page, as `page_svg`."""
    return page_svg(drawn_svg(figure), name)


def drawn_svg(figure: Figure) -> str:
    """A figure as an SVG document, the same for the same figure, whose texts are text."""
    stream = io.StringIO()
    with (
        mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "holdfast"}),
        warnings.catch_warnings(),
    ):
        # The reader's own font writes the texts; matplotlib only measures them, in one without Chinese.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(
            stream,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    return stream.getvalue()


def page_svg(svg: str, name: str) -> Markup:
    """What `drawn_svg` drew as an SVG element of an HTML page.

    It has the page's colours and font, and its ids begin with `name`. It has no inline style, which
    the page's security policy forbids. The page has its caption under the id ``<name>-caption``.
    """
    root = ET.fromstring(svg)  # noqa: S314  matplotlib wrote it
    style = root[0]
    root.remove(style)
    for element in root.iter():
        attributes = dict(element.attrib)
        for declaration in filter(None, attributes.pop("style", "").split(";")):
            key, _, value = declaration.partition(":")
            attributes[key.strip()] = value.strip()
        attributes.pop("font-family", None)
        element.tag = element.tag.removeprefix(_SVG)
        element.attrib = {
            key.removeprefix(_XLINK): _page_value(key, value, name)
            for key, value in attributes.items()
        }
    box = root.attrib["viewBox"]
    root.attrib = {
        "viewBox": box,
        "stroke-linejoin": "round",
        "role": "img",
        "aria-labelledby": f"{name}-caption",
    }
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  matplotlib escapes texts


def _page_value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    value = re.sub(r"^(#|url\(#)(?=[mp][0-9a-f]{10}\b)", rf"\g<1>{name}-", " ".join(value.split()))
    return _SHADES.get(value, value)


def png_base64(figure: Figure) -> str:
    """A figure as PNG in base 64, for a ``data:`` address."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return base64.b64encode(stream.getvalue()).decode("ascii")


def name(name: str) -> str:
    """A name from a team's data, shortened to what fits on a page."""
    return shorten(name, _LONGEST_NAME)


def shorten(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def sha256(text: str) -> str:
    """Digest of a text, as content security policies name it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
