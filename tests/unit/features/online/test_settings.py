import pytest
from pydantic import SecretStr

from features.online.settings import OnlineSettings, online_store_section, redis_connection
from holdfast.errors import InputError


def _connection(url: str | None) -> str:
    return redis_connection(OnlineSettings(redis_url=url and SecretStr(url)))


@pytest.mark.parametrize(
    "url, begins, ends",
    [
        (None, "127.0.0.1:6379,db=0,", "socket_timeout=10"),
        ("redis://cache", "cache:6379,db=0,", "socket_timeout=10"),
        ("redis://cache:7000/3", "cache:7000,db=3,", "socket_timeout=10"),
        (
            "rediss://me:p%40ss@cache/1",
            "cache:6379,db=1,ssl=true,",
            ',username="me",password="p@ss"',
        ),
        ("redis://:0123@cache", "cache:6379,db=0,", ',password="0123"'),
    ],
)
def test_where_the_redis_server_is(url: str | None, begins: str, ends: str) -> None:
    assert _connection(url).startswith(begins)
    assert _connection(url).endswith(ends)


@pytest.mark.parametrize(
    "url",
    [
        "cache:6379",
        "http://x:hunter2@cache",
        "redis://:hunter2@",
        "redis://:hunter2@cache/one",
        "redis://:hunter2,@cache",
    ],
)
def test_a_wrong_url_is_named_and_its_password_is_not(url: str) -> None:
    with pytest.raises(InputError, match="HOLDFAST_REDIS_URL") as caught:
        _connection(url)
    assert "hunter2" not in str(caught.value)


def test_no_secret_reaches_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_ONLINE_STORE", "redis")
    monkeypatch.setenv("HOLDFAST_REDIS_URL", "redis://:hunter2@cache")
    monkeypatch.setattr("features.online.settings.find_spec", lambda name: object())
    settings = OnlineSettings.read()
    assert "hunter2" not in online_store_section(settings) + repr(settings)
    monkeypatch.setattr("features.online.settings.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"HOLDFAST_ONLINE_STORE.*requirements-scale"):
        online_store_section(settings)


def test_another_store_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_ONLINE_STORE", "valkey")
    with pytest.raises(InputError, match=r"HOLDFAST_ONLINE_STORE.*valkey"):
        OnlineSettings.read()
