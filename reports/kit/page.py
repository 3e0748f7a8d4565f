"""Page: what all HTML files that holdfast writes have in common.

Each stands alone: no script, no font, no picture is fetched, and its content security policy
forbids all of it. Names and values of a team's data are text to it, whatever they hold.
"""

import base64
import hashlib
import io
import re
import shlex
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from reports.kit import style

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
def environment() -> Environment:
    """Templates below `reports`, named by their path there, escaping whatever they are given, with
    the filters for numbers and names.
    """
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
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


def inline_svg(figure: Figure, name: str) -> str:
    """A figure as an SVG element of an HTML page.

    Its colours follow the page's, its text stands in the page's font, its ids begin with `name`,
    and nothing in it needs an inline style, so that the page's security policy can forbid those.
    The page holds its caption under the id ``<name>-caption``.
    """
    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "holdfast"}):
        figure.savefig(
            stream,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    root = ET.fromstring(stream.getvalue())  # noqa: S314  matplotlib wrote it a moment ago
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
    return ET.tostring(root, encoding="unicode")


def _page_value(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    value = re.sub(r"^(#|url\(#)(?=[mp][0-9a-f]{10}\b)", rf"\g<1>{name}-", " ".join(value.split()))
    return _SHADES.get(value, value)


def png_base64(figure: Figure) -> str:
    """A figure as the PNG that a ``data:`` address holds."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return base64.b64encode(stream.getvalue()).decode("ascii")


def count(number: int) -> str:
    """A whole number with its thousands parted."""
    return f"{number:,}"


def expected(number: float) -> str:
    """A sum of probabilities, to one digit where it is small."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def share(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def signed(number: float, digits: int = 2) -> str:
    """A number with its sign, zero without one."""
    text = f"{number:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text[1:] if float(f"{number:.{digits}f}") == 0 else text


def name(name: str) -> str:
    """A name of the team's own, cut where it is too long for a page."""
    return shorten(name, _LONGEST_NAME)


def shorten(text: str, most: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def sha256(text: str) -> str:
    """Digest of a text, as content security policies name it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
