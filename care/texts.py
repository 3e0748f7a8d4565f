"""Messages: templates with a few named fields, checked before they are ever used.

A template is written by an operator, and filled with facts of customers. So it may do very little:
name declared fields, format them by four filters, and leave parts out by ``if``. Everything else of
the template language (calls, attributes, loops, includes, assignments) is refused when a catalogue
is read, and the sandbox of the library stands behind that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Literal

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

Value = str | float | date
"""What a field may hold."""

FILTERS = ("money", "whole", "share", "day")
"""An amount in the operator's currency, a whole number, a share as per cent, and a date."""

_LOCALES = {"en": "en", "zh-Hans": "zh_Hans_CN", "zh-Hant": "zh_Hant_TW"}
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Filter, nodes.If),
    *(nodes.Not, nodes.And, nodes.Or),
)


def template_faults(text: str, fields: Collection[str]) -> list[str]:
    """What a template may not do, in words; nothing where it is fit to be used.

    Parameters
    ----------
    text : str
        The template.
    fields : collection of str
        Names that it may use.
    """
    try:
        tree = _environment().parse(text)
    except TemplateSyntaxError as error:
        return [f"must be a template: {error.message}"]
    faults = []
    for node in _all_nodes(tree):
        if not isinstance(node, _ALLOWED):
            kind = type(node).__name__.lower()
            faults.append(f"may use fields, filters and `if` only, not {kind}")
        elif isinstance(node, nodes.Name) and node.name not in fields:
            faults.append(f"may use only the fields that the action declares, not {node.name!r}")
        elif isinstance(node, nodes.Filter) and (node.name not in FILTERS or node.args):
            faults.append(f"may use only the filters {', '.join(FILTERS)}, not {node.name!r}")
    return faults


def fields_in(text: str) -> frozenset[str]:
    """Names of the fields that a template puts into the message under no condition.

    Parameters
    ----------
    text : str
        A template without faults.
    """
    tree = _environment().parse(text)
    shown = [node for node in tree.body if isinstance(node, nodes.Output)]
    return frozenset(name.name for output in shown for name in output.find_all(nodes.Name))


def render(text: str, values: Mapping[str, Value], language: str, currency: str) -> str:
    """Fill a template.

    Parameters
    ----------
    text : str
        A template without faults.
    values : mapping of str to str, float or date
        Its fields. One that is missing counts as false in an ``if``, and is an error where it would
        be shown.
    language : str
        One of `care.model.LANGUAGES`; numbers, amounts and days are written as it does.
    currency : str
        ISO 4217 code, such as ``EUR``.

    Returns
    -------
    str
        The message.

    Raises
    ------
    jinja2.UndefinedError
        A field that would be shown is missing.

    Examples
    --------
    >>> render("{{ fee | money }} until {{ end | day }}", {"fee": 12.5, "end": date(2026, 3, 1)}, "en", "EUR")
    '€12.50 until Mar 1, 2026'
    """
    return _template(text, language, currency).render(values)


@dataclass(frozen=True)
class Piece:
    """A part of a template as a person reads it, before it is filled.

    Parameters
    ----------
    kind : {"text", "field", "mark"}
        What everybody reads; the name of a fact of the customer; or a bracket around what is there
        on a condition, which the bracket names.
    text : str
        The text, the name, or the bracket.
    """

    kind: Literal["text", "field", "mark"]
    text: str


def pieces(text: str, values: Mapping[str, Value]) -> list[Piece]:
    """A template for somebody to read, in order: nothing of any customer is in it.

    Parameters
    ----------
    text : str
        A template without faults.
    values : mapping of str to str, float or date
        What is known already, such as the operator's name; those fields are text.

    Examples
    --------
    >>> [one.text for one in pieces("Hello{% if plan %}, {{ plan }}{% endif %}! {{ us }}", {"us": "A"})]
    ['Hello', '[plan?', ', ', 'plan', ']', '! ', 'A']
    """
    return list(_pieces_of(_environment().parse(text).body, values))


def _pieces_of(nodes_: Sequence[nodes.Node], values: Mapping[str, Value]) -> Iterator[Piece]:
    for node in nodes_:
        if isinstance(node, nodes.Output):
            yield from _pieces_of(node.nodes, values)
        elif isinstance(node, nodes.TemplateData):
            yield Piece("text", node.data)
        elif isinstance(node, nodes.If):
            yield from _branches(node, values)
        else:
            for name in _names_in(node):
                known = values.get(name)
                yield Piece("field", name) if known is None else Piece("text", str(known))


def _branches(node: nodes.If, values: Mapping[str, Value]) -> Iterator[Piece]:
    yield Piece("mark", f"[{_condition(node.test)}?")
    yield from _pieces_of(node.body, values)
    for other in node.elif_:
        yield Piece("mark", f"| {_condition(other.test)}?")
        yield from _pieces_of(other.body, values)
    if node.else_:
        yield Piece("mark", "|")
        yield from _pieces_of(node.else_, values)
    yield Piece("mark", "]")


def _condition(node: nodes.Node) -> str:
    """A condition in few characters: ``a & b``, ``a / b``, ``¬a``."""
    if isinstance(node, nodes.Not):
        return f"¬{_condition(node.node)}"
    if isinstance(node, nodes.And):
        return f"{_condition(node.left)} & {_condition(node.right)}"
    if isinstance(node, nodes.Or):
        return f"({_condition(node.left)} / {_condition(node.right)})"
    return " ".join(_names_in(node))


def _names_in(node: nodes.Node) -> list[str]:
    return [one.name for one in _all_nodes(node) if isinstance(one, nodes.Name)]


class _Missing(StrictUndefined):
    """A field that is not known: false in an ``if``, an error wherever it would be shown."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


@lru_cache(maxsize=1024)
def _template(text: str, language: str, currency: str) -> Template:
    # Compiling one costs more than a webhook.
    return _environment(language, currency).from_string(text)


@cache
def _environment(language: str = "en", currency: str = "EUR") -> ImmutableSandboxedEnvironment:
    locale = _LOCALES[language]
    # Messages are plain text: the receiver who puts one into a page escapes it.
    environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=_Missing)
    environment.globals.clear()
    environment.filters.clear()
    environment.filters |= {
        "money": lambda amount: format_currency(amount, currency, locale=locale),
        "whole": lambda number: format_decimal(round(number), locale=locale),
        "share": lambda share: format_percent(share, locale=locale),
        "day": lambda day: format_date(day, locale=locale),
    }
    environment.tests.clear()
    return environment


def _all_nodes(tree: nodes.Node) -> list[nodes.Node]:
    return [tree, *(below for child in tree.iter_child_nodes() for below in _all_nodes(child))]
