"""Whether the service can be asked for predictions: what `/readyz` answers."""

from holdfast.errors import ModelError
from serving.champion import Champion


class Health:
    """Readiness of one server.

    Parameters
    ----------
    champion : Champion
        What it serves.
    """

    def __init__(self, champion: Champion) -> None:
        self._champion = champion
        self.stopping = False
        """Whether the server has been asked to stop; it still answers for a while."""

    def is_ready(self) -> bool:
        """Whether a prediction can be asked for now, and soon after."""
        try:
            self._champion.current().read(["nobody"])
        except ModelError:
            return False
        return not self.stopping
