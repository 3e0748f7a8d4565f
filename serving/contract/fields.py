"""How a field of a request is named where it breaks a rule, and the rule in words."""


def field_name(location: tuple[int | str, ...]) -> str:
    """Name of a place in a body; empty for the body itself.

    >>> field_name(("events", 3, "row"))
    'events[3].row'
    """
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return named.removeprefix(".")


def rule_of(kind: str, message: str) -> str:
    """The rule behind pydantic's type of error and message."""
    if kind == "extra_forbidden":
        return "is not a field of this request"
    return message.replace("Input should be", "must be").replace("List should", "must")
