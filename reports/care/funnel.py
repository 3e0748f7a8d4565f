"""The funnel of a campaign: from everybody proposed to those who are sent something, rule by rule."""

from collections.abc import Mapping
from dataclasses import dataclass

from care.policy import reason_codes
from reports.care.words import RULES, named
from reports.words.texts import Texts


@dataclass(frozen=True)
class Step:
    """A row of the funnel.

    Parameters
    ----------
    label : str
        Who leaves here, or is left.
    count : int
        How many.
    before, after : float
        Share of all that came here, and that go on, in per cent.
    is_total : bool
        Whether it counts who is left, not who leaves.
    """

    label: str
    count: int
    before: float
    after: float
    is_total: bool = False


def refusals(proposed: int, refused: Mapping[str, int], texts: Texts) -> list[Step]:
    """Each rule with those that it is the first to refuse, in the order of the policy.

    Parameters
    ----------
    proposed : int
        All proposals.
    refused : mapping of str to int
        By code; one that this release does not know is shown by its code.
    texts : Texts
        In which language.
    """
    order = reason_codes()
    codes = sorted(
        refused,
        key=lambda code: (code not in order, order.index(code) if code in order else 0, code),
    )
    steps, left = [], proposed
    for code in codes:
        label = named(RULES, code, texts)
        after = left - refused[code]
        steps.append(
            Step(label, refused[code], _percent(left, proposed), _percent(after, proposed))
        )
        left = after
    return steps


def total(label: str, number: int, of: int) -> Step:
    """A row that counts who is left."""
    return Step(label, number, _percent(number, of), _percent(number, of), is_total=True)


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
