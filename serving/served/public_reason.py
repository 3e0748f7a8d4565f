"""Why a model cannot be loaded, as callers may know it."""

import re

from holdfast.errors import HoldfastError
from holdfast.home import Home

# Folders of an absolute path, up to its last part.
_FOLDERS = re.compile(r"(?<![\w./-])(?:/+[^\s/:,;'\"()\[\]]+)*/+(?=[^\s/:,;'\"()\[\]])")


def public_reason(error: Exception, home: Home) -> str:
    """What is wrong, with names of files but not where they lie: that stays in the house, and in the
    log.

    Parameters
    ----------
    error : Exception
        What loading the model raised.
    home : Home
        Where it lies.

    Examples
    --------
    >>> from pathlib import Path
    >>> from holdfast.errors import ModelError
    >>> public_reason(ModelError("/srv/mlartifacts/7/booster_90.txt", "is damaged"), Home(Path("/srv")))
    'booster_90.txt: is damaged'
    """
    if not isinstance(error, HoldfastError):
        return f"it could not be loaded ({type(error).__name__}); the server's log says more"
    # The home's own path may hold spaces, and so not look like a path.
    text = str(error).replace(f"{home.root}/", "/").replace(str(home.root), "the home")
    return _FOLDERS.sub("", text)
