"""The score feeds of a home, as the nights write them; any number of workers read them."""

from models.feed.files import FeedFiles
from models.feed.reading import FeedReader

_TRIES = 3


class Feeds:
    """Opens feeds, and keeps those that were opened last open.

    Parameters
    ----------
    files : FeedFiles
        Where they lie.
    """

    def __init__(self, files: FeedFiles) -> None:
        self._files = files
        self._readers: dict[int, FeedReader] = {}

    def newest(self) -> FeedReader | None:
        """The newest feed; None where there is none.

        Raises
        ------
        ModelError
            It is damaged.
        """
        # Between the look and the opening, nights may write others.
        for _ in range(_TRIES):
            numbers = self._files.numbers()
            if not numbers:
                return None
            reader = self.numbered(numbers[-1])
            if reader is not None:
                return reader
        return None

    def numbered(self, number: int) -> FeedReader | None:
        """A feed by the number of its writing; None where it is not there (any more); errors as
        `newest`.
        """
        readers = self._readers
        if number not in readers:
            reader = FeedReader.open(self._files, number)
            if reader is None:
                return None
            there = {one: kept for one, kept in readers.items() if one in self._files.numbers()}
            # Replaced as a whole, because several threads read it.
            self._readers = readers = {**there, number: reader}
        return readers[number]
