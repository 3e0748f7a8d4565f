"""Receivers as a home declares them, and every mistake by its line."""

import base64
from pathlib import Path

import pytest

from care.delivery.receivers import ReceiversError, read_receivers, secrets_of
from holdfast.errors import InputError

CRM = """
[receivers.crm]
url = "https://crm.example/hooks"
secret = "HOLDFAST_SECRET_CRM"
channels = ["sms", "email"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "receivers.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ReceiversError) as refused:
        read_receivers(written(folder, text))
    return [str(fault) for fault in refused.value.faults]


def test_without_a_file_everything_goes_into_files(tmp_path: Path) -> None:
    receivers = read_receivers(tmp_path / "receivers.toml")
    assert receivers.webhooks == {}
    assert receivers.files.format == "csv"
    assert receivers.channels_in_files == ("sms", "email", "app", "phone", "post", "store")


def test_what_no_webhook_takes_goes_into_files(tmp_path: Path) -> None:
    text = CRM + '\n[files]\nformat = "parquet"\n'
    receivers = read_receivers(written(tmp_path, text))
    assert receivers.channels_in_files == ("app", "phone", "post", "store")
    assert receivers.files.format == "parquet"
    crm = receivers.webhooks["crm"]
    assert (crm.system, crm.most_per_second, crm.allow_private) == (None, 100, False)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("https://crm.example", "http://crm.example", "3 receivers.crm.url: must begin with https"),
        (
            "https://crm.example",
            "https://10.0.0.7",
            "3 receivers.crm.url: must be a public address",
        ),
        ("https://crm.example", "https://localhost", "3 receivers.crm.url: must be a public"),
        ("https://crm.example", "https://127.1", "3 receivers.crm.url: must be a public address"),
        ("https://crm.example", "https://[::1]", "3 receivers.crm.url: must be a public address"),
        ("https://crm.example", "https://me:pw@crm.example", "3 receivers.crm.url: must hold no"),
        ("https://crm.example", "https://crm.example:x", "3 receivers.crm.url: must be a URL"),
        ("HOLDFAST_SECRET_CRM", "whsec_abc", "4 receivers.crm.secret: must be the name of an"),
        ('"sms", "email"', "", "5 receivers.crm.channels: must name at least one channel"),
        ('"email"', '"fax"', "5 receivers.crm.channels: must be among sms, email, app"),
        ("channels", "chanels", "5 receivers.crm.chanels: must be one of allow_private, channels"),
        ("[receivers.crm]", "[receivers.files]", "2 receivers.files: must be a name of small"),
        ("[receivers.crm]", "[receiver.crm]", "1 receiver: must be `receivers` or `files`"),
    ],
)
def test_mistakes_are_told_by_line(tmp_path: Path, before: str, after: str, fault: str) -> None:
    told = faults(tmp_path, CRM.replace(before, after))
    assert any(one.startswith(f"receivers.toml:{fault}") for one in told), told


def test_a_secret_in_the_file_is_not_shown(tmp_path: Path) -> None:
    told = faults(tmp_path, CRM.replace("HOLDFAST_SECRET_CRM", "whsec_abcdef"))
    assert "whsec_abcdef" not in " ".join(told)


def test_two_receivers_do_not_share_a_channel(tmp_path: Path) -> None:
    other = CRM.replace("crm", "dialler").replace('"email"', '"phone"')
    (told,) = faults(tmp_path, CRM + other)
    assert "receivers.dialler.channels: must not name a channel that crm has (got 'sms')" in told


def test_an_operator_s_own_network_is_allowed_where_it_says_so(tmp_path: Path) -> None:
    text = CRM.replace("https://crm.example", "http://10.0.0.7") + "allow_private = true\n"
    assert read_receivers(written(tmp_path, text)).webhooks["crm"].allow_private


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    crm = read_receivers(written(tmp_path, CRM)).webhooks["crm"]
    old, new = (base64.b64encode(bytes([k]) * 24).decode() for k in (1, 2))
    name = "HOLDFAST_SECRET_CRM"
    assert secrets_of(crm, {name: f"whsec_{new} whsec_{old}"}) == (b"\2" * 24, b"\1" * 24)
    for wrong in ("", "whsec_!!", f"whsec_{old[:8]}"):
        with pytest.raises(InputError, match="HOLDFAST_SECRET_CRM: must hold the secret") as error:
            secrets_of(crm, {name: wrong})
        assert error.value.value is None
