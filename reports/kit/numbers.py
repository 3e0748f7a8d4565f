"""Numbers as reports write them: thousands parted, a real minus sign, per cent after a space."""

PERCENT = "\N{NO-BREAK SPACE}%"


def typeset(number: str) -> str:
    """A formatted number with a real minus sign, and with no sign before zero.

    Examples
    --------
    >>> typeset(f"{-0.001:+.2f}"), typeset(f"{1234.5:+,.1f}")
    ('0.00', '+1,234.5')
    """
    text = number.lstrip("+-") if float(number.replace(",", "")) == 0 else number
    return text.replace("-", "\N{MINUS SIGN}")


def count(number: int) -> str:
    """A whole number."""
    return f"{number:,}"


def expected(number: float) -> str:
    """A sum of probabilities, to one digit where it is small."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def share(share: float, digits: int = 1) -> str:
    """A share in per cent; it may be negative, or above one."""
    return typeset(f"{100 * share:.{digits}f}") + PERCENT


def signed(number: float, digits: int = 2) -> str:
    """A number with its sign."""
    return typeset(f"{number:+.{digits}f}")


def amount(number: float) -> str:
    """A feature's value: whole from 100 on, else three significant digits."""
    return typeset(f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}")
