"""A removal of old rows that was killed: carried on before anything new is made of raw rows."""

from holdfast.home import Home


def finish_pending_removal(home: Home) -> None:
    """Carry a removal of old rows on that was killed: what is known counts them as gone already.

    The caller holds the home's lock. Nothing slow is imported where there is none.
    """
    if home.removing.exists():
        from pipeline.privacy.history import finish_removal

        finish_removal(home)
