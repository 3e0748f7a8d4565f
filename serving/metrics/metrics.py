"""What the service counts of itself, for whoever watches it."""

from collections.abc import Iterable

from serving.contract.predictions import Prediction
from serving.served.snapshot import ServedModels


class Metrics:
    """Counts nothing: the service as it is without a port for metrics.

    What is counted holds no id, no value of a customer, and no name that a caller made up.
    """

    def count_request(self, route: str, status: int, seconds: float, problem: str | None) -> None:
        """A request was answered.

        Parameters
        ----------
        route : str
            Path of the route; one word for all paths that are none.
        status : int
            HTTP status; 0 where the caller left before the answer.
        seconds : float
            How long it took, to the end of the answer.
        problem : str or None
            Code of the problem that it was answered with.
        """

    def count_entities(self, kept: int, computed: int) -> None:
        """So many entities were answered from what is kept, and so many computed."""

    def count_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Predictions about entities were computed."""

    def count_events(self, events: Iterable[tuple[str, str]]) -> None:
        """Events were taken: of each its table, and what became of it."""

    def note_held(self, count: int) -> None:
        """So many events wait for ids that no build knows."""

    def serve(self, served: ServedModels) -> None:
        """From now on, the process serves these versions and no others."""


NO_METRICS = Metrics()
