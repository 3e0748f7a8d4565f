"""Where a worker's process begins: before it imports the service, it imports LightGBM alone."""

from typing import Any

from models.boosters.alone import import_lightgbm_alone

import_lightgbm_alone()


def begin(*arguments: Any) -> None:
    """Serve, as `serving.process.worker.work` does with the same arguments."""
    from models.boosters.threads import limit_to_one_thread
    from serving.process.worker import work

    # Requests are answered side by side, and a model may be read meanwhile.
    limit_to_one_thread()
    work(*arguments)
