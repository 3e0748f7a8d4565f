"""Whether the service can be asked for predictions: what `/readyz` answers."""

from holdfast.errors import ModelError
from serving.served.follower import ModelFollower


class Health:
    """Readiness of one server.

    Parameters
    ----------
    follower : ModelFollower
        Says what it serves.
    """

    def __init__(self, follower: ModelFollower) -> None:
        self._follower = follower
        self.stopping = False
        """Whether the server has been asked to stop; it still answers for a while."""

    def is_ready(self) -> bool:
        """Whether a prediction can be asked for now, and soon after."""
        try:
            self._follower.current().check()
        except ModelError:
            return False
        return not self.stopping
