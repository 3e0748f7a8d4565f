"""The champion being served: loaded whole, replaced whole."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from features.encoding.encoding import Encoding
from features.online.service import OnlineService, open_service, read
from features.online.settings import OnlineSettings
from features.tables.column_reading import ColumnReading
from holdfast.arrays import Floats, Times
from holdfast.clock import Clock, home_clock
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from models.churn import CHURN_MODELS
from models.registry import RegisteredVersion, VersionAddress, find_served, load_registered
from models.scorer import Scorer
from serving.contract.rows import RowReader

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Everything that a prediction needs, of one model version.

    Parameters
    ----------
    version : RegisteredVersion
        The model and its number.
    address : ChampionAddress
        Where it was loaded from.
    scorer : Scorer
        Scores with it.
    online : OnlineService
        Gives customers' features, in the model's order.
    reader : RowReader
        Gives a caller's rows as features, in the model's order.
    """

    version: RegisteredVersion
    address: VersionAddress
    scorer: Scorer
    online: OnlineService
    reader: RowReader

    @classmethod
    def fit(
        cls, version: RegisteredVersion, address: VersionAddress, online: OnlineService
    ) -> "Loaded":
        """Combine a version with its feature service, and check them on an empty row.

        Raises
        ------
        ModelError
            They do not match, a document is missing, or the version's scores are not finite.
        """
        model = version.model
        named = f"model {model.name} version {version.number}"
        _require_features(f"feature service {online.name}", online.features, named, model.features)
        reader = _row_reader(version, named)
        _require_features(
            f"encoding.json of {named}", reader.encoding.features, named, model.features
        )
        scorer = Scorer(model, threads=1)
        empty_row = np.full((1, len(model.features)), np.nan)
        probability = float(scorer.score(empty_row).probability[0])
        base = float(scorer.base(empty_row)[0])
        if not (0 <= probability <= 1 and np.isfinite(base)):
            raise ModelError(
                named,
                "must score an empty row with a finite probability and base",
                (probability, base),
            )
        loaded = cls(version=version, address=address, scorer=scorer, online=online, reader=reader)
        loaded.read(["nobody"])
        return loaded

    @property
    def name(self) -> str:
        """Model and version, for a person."""
        shadow = " (shadow)" if self.address.shadow else ""
        return f"{self.version.model.name} version {self.version.number}{shadow}"

    def read(self, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Newest features of customers, as `features.online.service.read` gives them; from any
        thread.

        Raises
        ------
        ModelError
            The online store does not answer, or no longer matches.
        """
        return read(self.online, ids)


class Champion:
    """Keeps the champion in memory. It is replaced as a whole, so that a request sees either the old
    one or the new one.

    Parameters
    ----------
    home : Home
        Where registry, model versions and online store lie.
    online : OnlineSettings
        Which online store.
    clock : Clock
        What time it is, unless the home has a time of its own (`holdfast.clock.home_clock`).
    """

    def __init__(self, home: Home, online: OnlineSettings, clock: Clock) -> None:
        self.home = home
        self.online = online
        self._clock = self._home_clock = clock
        self.loaded: Loaded | None = None
        self._refreshing = threading.Lock()
        self._stop = threading.Event()

    def refresh(self) -> bool:
        """Load the champion that the registry and the online store hold now, unless it is loaded already.

        Returns
        -------
        bool
            Whether a new champion is served now.

        Raises
        ------
        ModelError
            There is neither champion nor shadow, it is damaged, or it and the online store do not
            match. What was loaded stays.
        """
        with self._refreshing:
            # A night moves the time of a simulated operator's home.
            self._home_clock = home_clock(self.home, self._clock)
            current = self.loaded
            address = find_served(self.home, CHURN_MODELS)
            version = (
                current.version
                if current is not None and current.address == address
                else load_registered(address)
            )
            online = open_service(self.home, version.model.service, self.online)
            if (
                current is not None
                and current.version is version
                and _same_layout(current.online, online)
            ):
                return False
            self.loaded = Loaded.fit(version, address, online)
            return True

    def current(self) -> Loaded:
        """The champion being served; ModelError before one is loaded."""
        if self.loaded is None:
            raise ModelError("champion", "is not loaded yet")
        return self.loaded

    def now(self) -> datetime:
        """What time it is in the home, as of the last refresh, UTC."""
        return self._home_clock()

    def follow(self, seconds: float) -> None:
        """Refresh every so many seconds, in a thread, until `close`."""
        threading.Thread(
            target=self._follow, args=(seconds,), name="holdfast-champion", daemon=True
        ).start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()

    def _follow(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            self._refresh_or_keep()

    def _refresh_or_keep(self) -> None:
        try:
            if self.refresh():
                _log.info("serves %s now", self.current().name)
        except Exception as error:  # whatever a broken champion raises, the working one stays
            _log.warning("cannot load the new champion, so the old one stays: %s", error)


def _same_layout(one: OnlineService, other: OnlineService) -> bool:
    return one.layout == other.layout


def _row_reader(version: RegisteredVersion, named: str) -> RowReader:
    documents = version.model.documents
    try:
        columns = documents["columns.json"]
        return RowReader(
            Encoding.from_json(documents["encoding.json"]),
            columns["columns"],
            columns["id"],
            # Versions from before tables had a plan have none.
            [ColumnReading.from_json(reading) for reading in columns.get("readings", ())],
        )
    except (KeyError, TypeError, InputError) as error:
        raise ModelError(
            named, f"must hold encoding.json and columns.json as training writes them: {error!r}"
        ) from None


def _require_features(
    name: str, features: tuple[str, ...], named: str, wanted: tuple[str, ...]
) -> None:
    if features == wanted:
        return
    rule = f"must have the features of {named}, in its order"
    if set(features) == set(wanted):
        raise ModelError(name, rule)
    raise ModelError(
        name,
        f"{rule}; only one of the two has {', '.join(sorted(set(features) ^ set(wanted))[:5])}",
    )
