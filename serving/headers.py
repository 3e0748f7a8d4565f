"""Header fields of a request, read from its scope: where every request passes, Starlette's mapping of
them costs more than it is worth.
"""

from starlette.types import Scope


def header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header field, None where it was not sent.

    Parameters
    ----------
    scope : Scope
        Of a request.
    name : bytes
        In lower case, as ASGI has names.
    """
    for given, value in scope["headers"]:
        if given == name:
            return str(value, "latin-1")
    return None
