import resource
import socket
from pathlib import Path

import pytest

from holdfast.clock import system_clock
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from serving.access.key_store import KeyStore
from serving.process.worker import connections_within, raise_file_limit
from serving.server import run
from serving.settings import ServingSettings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "holdfast.example"])
def test_beyond_loopback_a_key_is_needed_before_anything_is_loaded(
    host: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"--host.*holdfast keys create") as refused:
        run(Home(tmp_path), host, free_port())
    assert not isinstance(refused.value, ModelError)
    assert refused.value.exit_code == 2


def test_with_a_valid_key_it_gets_further(tmp_path: Path) -> None:
    store = KeyStore(Home(tmp_path), system_clock)
    store.create("crm", ["predictions:service"])
    with pytest.raises(ModelError, match="no model registry"):
        run(Home(tmp_path), "0.0.0.0", free_port())
    store.revoke("crm")
    with pytest.raises(InputError, match="no valid API key"):
        run(Home(tmp_path), "0.0.0.0", free_port())


def test_the_single_key_of_earlier_releases_is_not_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_SERVING_API_KEY", "s3cret")
    with pytest.raises(
        InputError, match=r"HOLDFAST_SERVING_API_KEY.*holdfast keys create"
    ) as refused:
        run(Home(tmp_path), "127.0.0.1", free_port())
    assert "s3cret" not in str(refused.value)


def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        raised = raise_file_limit()
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raised == soft
        assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536))
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    "wanted, files, most", [(1_000, 65_536, 1_000), (1_000, 300, 172), (100, 300, 100), (9, 32, 8)]
)
def test_connections_leave_files_for_the_rest(wanted: int, files: int, most: int) -> None:
    assert connections_within(wanted, files) == most


def test_without_a_model_no_port_is_opened(tmp_path: Path) -> None:
    # Were the port opened first, the port in use would be what is wrong.
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ModelError):
        run(Home(tmp_path), "127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("name", ["max_body_bytes", "max_items", "reload_seconds"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "nan"])
def test_a_senseless_setting_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"HOLDFAST_SERVING_{name.upper()}"
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=variable):
        ServingSettings.read()
