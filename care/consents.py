"""Consent: what customers said of purposes and channels, and what of it is in force; and what they
said to do-not-call registers.

Of a channel counts what was said last of it or of `any` channel; of what was said at the same time,
the withdrawal. The order in which statements arrive changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

import numpy as np

from care.policy import NO, UNKNOWN, YES, Codes
from features.contracts.vocabulary import ANY_CHANNEL, CONTACT_CHANNELS, OTHER
from holdfast.arrays import Microseconds, Texts

ASKED_PURPOSES = ("offers", "any_contact", "profiling")
"""Purposes that contact policy asks about."""

_CHANNELS = (*CONTACT_CHANNELS, OTHER)
_NEVER = -1
_NOTHING: tuple[Texts, Microseconds] = (np.empty(0, dtype=np.str_), np.empty(0, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class ConsentStatement:
    """What a customer said once.

    Parameters
    ----------
    customer_id : str
        Who.
    purpose, channel : str
        Of what, by the contract's lists.
    is_granted : bool
        False for a withdrawal.
    happened_at : datetime
        When it was said (UTC).
    """

    customer_id: str
    purpose: str
    channel: str
    is_granted: bool
    happened_at: datetime


def strength(happened_at_us: int, *, is_granted: bool) -> int:
    """What of several statements the one in force has most of: later ones are stronger, and of two
    at the same time the withdrawal.

    >>> strength(7, is_granted=False) > strength(7, is_granted=True)
    True
    >>> strength(8, is_granted=True) > strength(7, is_granted=False)
    True
    """
    return 2 * happened_at_us + (not is_granted)


@dataclass(frozen=True)
class ConsentsInForce:
    """The strongest statement of each customer, purpose and channel.

    Parameters
    ----------
    strengths : mapping of (str, str) to ((n,) text, (n,) int64)
        By purpose and channel: the customers of whom something was said, sorted, and the `strength`
        of what is in force.
    statements : mapping of str to int
        By customer, how many statements that rests on, those that later ones replaced among them.
    """

    strengths: Mapping[tuple[str, str], tuple[Texts, Microseconds]] = field(default_factory=dict)
    statements: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, str, int, int]]) -> "ConsentsInForce":
        """From customer, purpose, channel, strength and number of statements, in any order; the
        strongest count.
        """
        statements: Counter[str] = Counter()
        told: dict[tuple[str, str], tuple[list[str], list[int]]] = {}
        for customer, purpose, channel, value, count in rows:
            statements[customer] += count
            customers, values = told.setdefault((purpose, channel), ([], []))
            customers.append(customer)
            values.append(value)
        arrays = {}
        for name, (customers, values) in told.items():
            ids, strengths = np.array(customers, dtype=np.str_), np.array(values, dtype=np.int64)
            order = np.lexsort((strengths, ids))
            ids, strengths = ids[order], strengths[order]
            is_last = np.append(ids[1:] != ids[:-1], True)
            arrays[name] = (ids[is_last], strengths[is_last])
        return cls(arrays, dict(statements))

    def revision(self, customer: str) -> int:
        """The consent revision of a customer: how many statements were known of it, 0 or more.

        Statements are only ever added. So it grows with each, and as long as it stays the same,
        nothing else was said.
        """
        return self.statements.get(customer, 0)

    def granted(self, purpose: str, channel: str, customers: Texts) -> Codes:
        """Whether each customer consents to a purpose through a channel.

        Parameters
        ----------
        purpose, channel : str
            By the contract's lists.
        customers : (n,) text
            Ids.

        Returns
        -------
        (n,) int8
            ``YES``, ``NO`` where it is withdrawn, ``UNKNOWN`` where nothing was said of the channel
            nor of `any`.
        """
        said = np.maximum(
            self._said(purpose, channel, customers), self._said(purpose, ANY_CHANNEL, customers)
        )
        return np.where(said == _NEVER, UNKNOWN, np.where(said % 2, NO, YES)).astype(np.int8)

    def permits(self, purpose: str, customers: Texts) -> Codes:
        """``NO`` where a purpose without channels, such as profiling, is withdrawn for any; else
        ``YES``: whoever never spoke of it does not object.
        """
        withdrawn = np.zeros(len(customers), dtype=np.bool_)
        for channel in _CHANNELS:
            withdrawn |= self.granted(purpose, channel, customers) == NO
        return np.where(withdrawn, NO, YES).astype(np.int8)

    def may_contact(self, channel: str, customers: Texts) -> Codes:
        """``NO`` where a customer wants no contact through a channel, else ``YES``."""
        wanted = self.granted("any_contact", channel, customers)
        return np.where(wanted == NO, NO, YES).astype(np.int8)

    def _said(self, purpose: str, channel: str, customers: Texts) -> Microseconds:
        ids, values = self.strengths.get((purpose, channel), _NOTHING)
        if not len(ids):
            return np.full(len(customers), _NEVER, dtype=np.int64)
        places = np.minimum(np.searchsorted(ids, customers), len(ids) - 1)
        said: Microseconds = np.where(ids[places] == customers, values[places], _NEVER)
        return said


class RegisterFacts(TypedDict):
    """What `PolicyFacts` has about registers."""

    is_on_do_not_call: Codes
    screened_at: Microseconds


class Screenings:
    """What is known of customers whose numbers were compared with registers.

    Parameters
    ----------
    customers : sequence of n str
        Who was compared, in order and without repeats.
    listed : sequence of n bool or None
        Whether a register has a number of each; None where that is not known.
    screened_at : sequence of n int
        When the register was compared that was compared longest ago, microseconds since 1970 in UTC.
    """

    def __init__(
        self,
        customers: Sequence[str] = (),
        listed: Sequence[bool | None] = (),
        screened_at: Sequence[int] = (),
    ) -> None:
        codes = {None: UNKNOWN, False: NO, True: YES}
        self._customers: Texts = np.array(customers, dtype=np.str_)
        self._listed: Codes = np.array([codes[one] for one in listed], dtype=np.int8)
        self._screened_at: Microseconds = np.array(screened_at, dtype=np.int64)

    def of(self, customers: Texts) -> RegisterFacts:
        """What policy asks about the numbers of customers.

        Parameters
        ----------
        customers : (n,) text
            Ids.

        Returns
        -------
        RegisterFacts
            ``YES``, ``NO`` or, where the numbers were never compared, ``UNKNOWN``; and when, 0
            where never.
        """
        if not len(self._customers):
            never = np.zeros(len(customers), dtype=np.int64)
            unknown = np.full(len(customers), UNKNOWN, dtype=np.int8)
            return {"is_on_do_not_call": unknown, "screened_at": never}
        last = len(self._customers) - 1
        places = np.minimum(np.searchsorted(self._customers, customers), last)
        is_known = self._customers[places] == customers
        return {
            "is_on_do_not_call": np.where(is_known, self._listed[places], UNKNOWN).astype(np.int8),
            "screened_at": np.where(is_known, self._screened_at[places], 0),
        }


NO_SCREENINGS = Screenings()
"""Nobody's numbers were ever compared."""
