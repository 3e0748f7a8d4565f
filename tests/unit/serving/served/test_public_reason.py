from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import ModelError
from holdfast.home import Home
from serving.served.public_reason import public_reason

HOME = Home(Path("/srv/my operator/holdfast"))
NAMES = st.text("abcXYZ 0-_.é", min_size=1, max_size=8).filter(lambda name: name.strip(" ."))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ModelError(f"{HOME.root}/mlartifacts/7/booster_90.txt", "is damaged"),
            "booster_90.txt: is damaged",
        ),
        (ModelError(str(HOME.tracking), "cannot be read"), "mlflow.db: cannot be read"),
        (ModelError("store", "must be one", str(HOME.root)), "store: must be one (got 'the home')"),
        (
            ModelError("registry", "is at sqlite:////opt/x/mlflow.db"),
            "registry: is at sqlite:mlflow.db",
        ),
        (
            ModelError("a", "must be in /etc/holdfast/a.json, or /tmp"),
            "a: must be in a.json, or tmp",
        ),
        (
            ModelError("a", "must name and/or rate, such as 1/2"),
            "a: must name and/or rate, such as 1/2",
        ),
        (
            PermissionError(13, "Permission denied", "/srv/secret"),
            "it could not be loaded (PermissionError); the server's log says more",
        ),
    ],
)
def test_what_is_wrong_is_told_without_where(error: Exception, reason: str) -> None:
    assert public_reason(error, HOME) == reason


@given(st.lists(NAMES, min_size=2, max_size=4), st.sampled_from(["{}: is damaged", "x (got '{}')"]))
def test_no_folder_of_a_home_is_told(names: list[str], message: str) -> None:
    home = Home(Path("/", *(f"folder{name}" for name in names)))
    told = public_reason(
        ModelError("model", message.format(home.root / "mlartifacts/1/a.txt")), home
    )
    assert "folder" not in told
    assert "a.txt" in told
