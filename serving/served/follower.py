"""Keeps what is served up to date with the registry and the online store."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from features.online.service import open_service
from features.online.settings import OnlineSettings
from features.own.needed import require_own_features
from holdfast.clock import Clock, home_clock
from holdfast.errors import ModelError
from holdfast.home import Home
from models.level.beside import current_level
from models.registry import RegistryEntry, find_served, load_registered
from models.targets import SERVED
from serving.served.model import ServedModel
from serving.served.people import People
from serving.served.public_reason import public_reason
from serving.served.snapshot import ServedModels, newest_table, require_models

_log = logging.getLogger(__name__)


class ModelFollower:
    """Loads new versions beside the old ones, tries them, and replaces all that is served at once,
    so that a request sees one snapshot.

    Parameters
    ----------
    home : Home
        Where registry, model versions and online store lie.
    online : OnlineSettings
        Which online store.
    clock : Clock
        What time it is, unless the home has a time of its own (`holdfast.clock.home_clock`).
    for_many : bool
        Whether so much will be asked that models are prepared for it, which takes seconds.
    """

    def __init__(
        self, home: Home, online: OnlineSettings, clock: Clock, *, for_many: bool = True
    ) -> None:
        self.home = home
        self._clock = self._home_clock = clock
        self.online = online
        self._for_many = for_many
        self._served: ServedModels | None = None
        self._watchers: list[Callable[[ServedModels], None]] = []
        self._refreshing = threading.Lock()
        self._stop = threading.Event()

    def current(self) -> ServedModels:
        """What is served; ModelError before anything is loaded."""
        if self._served is None:
            raise ModelError("models", "are not loaded yet")
        return self._served

    def now(self) -> datetime:
        """What time it is in the home, as of the last refresh, UTC."""
        return self._home_clock()

    def refresh(self) -> bool:
        """Load what the registry and the online store hold now, but for what is loaded already.

        A model that cannot be loaded is named in `ServedModels.problems`; its old version stays.

        Returns
        -------
        bool
            Whether something else is served now.

        Raises
        ------
        ModelError
            The registry cannot be read, or no model can be loaded. What was served stays.
        """
        with self._refreshing:
            # A night moves the time of a simulated operator's home.
            self._home_clock = home_clock(self.home, self._clock)
            earlier = {} if self._served is None else self._served.models
            models: dict[str, ServedModel] = {}
            errors: dict[str, Exception] = {}
            for entry, alias in find_served(self.home, SERVED):
                before = earlier.get(entry.name)
                try:
                    models[entry.name] = self._load(entry, alias, before)
                except Exception as error:  # whatever a broken model raises, the others stay
                    errors[entry.name] = error
                    if before is not None:
                        models[entry.name] = before
            require_models(models, errors)
            served = ServedModels(
                newest_table(models),
                People.open(self.home, self.online),
                {name: public_reason(error, self.home) for name, error in errors.items()},
            )
            if served.is_same(self._served):
                return False
            self._report(served, errors)
            self._served = served
            for tell in self._watchers:
                tell(served)
            return True

    def watch(self, tell: Callable[[ServedModels], None]) -> None:
        """Have somebody told what is served, now and whenever something else is."""
        with self._refreshing:
            self._watchers.append(tell)
            if self._served is not None:
                tell(self._served)

    def follow(self, seconds: float) -> None:
        """Refresh every so many seconds, in a thread, until `close`."""
        threading.Thread(
            target=self._follow, args=(seconds,), name="holdfast-models", daemon=True
        ).start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()

    def _load(self, entry: RegistryEntry, alias: str, before: ServedModel | None) -> ServedModel:
        address = entry.address(self.home)
        version = (
            before.version
            if before is not None and before.address == address
            else load_registered(address).model
        )
        require_own_features(
            f"model {entry.name} version {entry.number}", version.documents, self.home
        )
        level = current_level(self.home, entry.name, address, version.documents)
        online = open_service(self.home, version.service, self.online).narrowed(version.features)
        if (
            before is not None
            and (before.version is version and before.alias == alias)
            and before.level == level
            and before.online.layout == online.layout
            # A store that was put back as another file is another store.
            and before.online.reader.environment is online.reader.environment
        ):
            return before
        model = ServedModel.fit(entry, alias, address, version, online, level)
        if self._for_many:
            model.scorer.prepare()
        return model

    def _report(self, served: ServedModels, errors: Mapping[str, Exception]) -> None:
        changed = self._served is None or served.models != self._served.models
        if changed and self._for_many:  # a command that asks once serves nobody
            _log.info("serves %s now", served.title)
        own_problem = served.people.own_problem
        if own_problem and (self._served is None or self._served.people.own_problem != own_problem):
            _log.warning("tells no facts from the home's own features: %s", own_problem)
        for name, problem in served.problems.items():
            if self._served is None or self._served.problems.get(name) != problem:
                _log.warning("cannot load the newest version of %s: %s", name, errors[name])

    def _follow(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                self.refresh()
            except Exception as error:  # whatever a broken home raises, what is served stays
                _log.warning("cannot read what to serve, so it stays as it is: %s", error)
