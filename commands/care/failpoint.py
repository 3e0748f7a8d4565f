"""Where tests kill a command: `HOLDFAST_FAILPOINT=PLACE` ends the process there, as a kill does.

``PLACE:3`` does so the third time that the place is reached.
"""

import os
import signal

from holdfast.failpoint import Failpoint, no_failpoint


def failpoint() -> Failpoint:
    """The failpoint that the environment names; one that goes on where it names none."""
    place, _, times = os.environ.get("HOLDFAST_FAILPOINT", "").partition(":")
    if not place:
        return no_failpoint
    left = int(times or 1)

    def kill(reached: str) -> None:
        nonlocal left
        left -= reached == place
        if reached == place and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill
