"""What the last night says of care: whether anything but what is owed may be sent."""

import json
from pathlib import Path


def night_lets_care_run(nights: Path) -> bool:
    """Whether the last night says that care may run; so it may where there was none.

    Parameters
    ----------
    nights : Path
        Folder of a home's nights, a JSON document each, named by its number.

    Returns
    -------
    bool
        False too where the last night's record cannot be read: nobody can know then.
    """
    newest = max(nights.glob("[0-9]*.json"), key=lambda path: int(path.stem), default=None)
    if newest is None:
        return True
    try:
        return json.loads(newest.read_text(encoding="utf-8"))["care_may_run"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return False
