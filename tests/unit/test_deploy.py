"""The files in `deploy` hold what they rest on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from commands.sections import sections
from serving.process.http_server import FINISH_SECONDS
from serving.process.supervisor import PATIENCE_SECONDS
from serving.settings import ServingSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(path.name for path in DEPLOY.iterdir())
UNITS = [name for name in FILES if name.endswith((".service", ".socket", ".timer"))]


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def test_the_page_lists_every_file() -> None:
    page = text("README.md")
    assert [name for name in FILES if name != "README.md" and f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", FILES)
def test_settings_that_a_file_names_exist(name: str) -> None:
    known = {section.variable(field) for section in sections() for field in section.model_fields}
    assert set(re.findall(r"HOLDFAST_[A-Z_]+", text(name))) <= known


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    for name in UNITS:
        # Neither the program nor the user is on this machine.
        unit = re.sub(r"/opt/holdfast/\S+/holdfast", "/bin/true", text(name))
        unit = re.sub(r"(?m)^(User|Group)=.*$", r"\1=root", unit)
        (tmp_path / name.replace("@", "@next")).write_text(unit, encoding="utf-8")
    paths = sorted(tmp_path.iterdir())
    done = subprocess.run([analyze, "verify", *paths], capture_output=True, text=True, check=False)
    about_ours = [line for line in done.stderr.splitlines() if "holdfast" in line]
    assert (done.returncode, about_ours) == (0, [])


def test_both_instances_are_alike() -> None:
    one, other = (
        [line for line in text(name).splitlines() if not line.startswith(("#", "Description="))]
        for name in ("holdfast.service", "holdfast@.service")
    )
    assert one[: len(other)] == other
    assert [line for line in one[len(other) :] if line] == [
        "[Install]",
        "WantedBy=multi-user.target",
    ]


def test_a_service_is_given_the_time_to_end() -> None:
    wanted = ServingSettings().drain_seconds + FINISH_SECONDS + PATIENCE_SECONDS
    (given,) = re.findall(r"TimeoutStopSec=(\d+)", text("holdfast.service"))
    assert int(given) > wanted
    assert f"--stop-timeout {given}" in text("Containerfile")


def test_proxies_close_idle_connections_first() -> None:
    nginx, caddy = text("nginx.conf"), text("Caddyfile")
    for given in (
        *re.findall(r"keepalive_timeout (\d+)s", nginx),
        *re.findall(r"keepalive (\d+)s", caddy),
    ):
        assert int(given) < ServingSettings().idle_seconds


def test_the_image_and_the_bento_hold_every_package_they_need() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/py.typed")}
    assert set(re.findall(r"(?m)^COPY (\w+) \1$", text("Containerfile"))) == packages
    # What the service does not import is not in a bento; a test of the service looks for more.
    included = set(re.findall(r"(?m)^  - (\w+)/$", text("bentofile.yaml")))
    assert included == {"holdfast", "features", "models", "care", "serving"}
