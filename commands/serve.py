"""`holdfast serve`: predictions over HTTP."""

from typing import Annotated

import typer

from commands.command import HomeOption, home_of, reporting_errors


@reporting_errors
def serve(
    home: HomeOption = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on, unless systemd hands a socket over; other than loopback needs an API key "
            "(holdfast keys create)."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any that is free.", min=0, max=65535)
    ] = 3000,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that answer on the port. Default: HOLDFAST_SERVING_WORKERS, or 1",
            min=1,
            max=64,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Answer prediction requests over HTTP."""
    from holdfast.interrupt import end_in_its_own_time
    from models.boosters.alone import import_lightgbm_alone
    from models.registry import require_served
    from models.targets import SERVED

    served = home_of(home)
    require_served(served, SERVED)
    import_lightgbm_alone()
    from serving.server import run

    end_in_its_own_time()
    run(served, host, port, workers)
