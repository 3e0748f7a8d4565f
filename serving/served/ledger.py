"""The ledger of care, as the service uses it: opened with the first request that needs it."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, SQLAlchemyError

from care.settings import CareSettings
from holdfast.errors import InputError
from holdfast.home import Home
from serving.contract.problem import Problem

if TYPE_CHECKING:
    from care.ledger.ledger import Ledger

_log = logging.getLogger(__name__)


class ServedLedger:
    """The ledger of a home.

    Parameters
    ----------
    home : Home
        Whose ledger.
    settings : CareSettings
        Where it lies.
    """

    def __init__(self, home: Home, settings: CareSettings) -> None:
        self._home, self._settings = home, settings
        self._opening = threading.Lock()
        self._opened: Ledger | None = None

    @contextmanager
    def using(self) -> "Iterator[Ledger]":
        """The ledger, for as long as a request takes.

        Raises
        ------
        Problem
            409 where it cannot be opened, 422 where its database cannot hold a value of the request,
            503 where it does not answer.
        """
        ledger = self._open()
        try:
            yield ledger
        except DataError:
            # To be sent again would not help.
            raise Problem(
                422, "A value cannot be kept in the ledger, such as a text with the character NUL."
            ) from None
        except SQLAlchemyError as error:
            _log.warning("the ledger does not answer: %s", type(error).__name__)
            raise Problem(
                503, "The ledger of care does not answer.", headers={"Retry-After": "5"}
            ) from None

    def _open(self) -> "Ledger":
        # Imported here: a service that is never asked about care starts without it.
        from care.ledger.ledger import Ledger

        with self._opening:
            if self._opened is None:
                try:
                    self._home.care.mkdir(parents=True, exist_ok=True)
                    self._opened = Ledger(self._settings.ledger_url(self._home))
                except (OSError, InputError) as error:
                    _log.warning("cannot open the ledger of care: %s", error)
                    raise Problem(
                        409,
                        "The ledger of care cannot be opened or written here; the server's log says"
                        " why. Nothing was changed.",
                        code="no_ledger",
                    ) from None
            return self._opened
