"""Receivers: where decisions are handed over to, as `care/receivers.toml` of a home declares it."""

import base64
import binascii
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from care.delivery.address import is_public
from care.faults import Faults, FaultyFileError
from care.ledger.outbox import FILES
from features.contracts.vocabulary import CONTACT_CHANNELS
from holdfast.documents import inspect_document
from holdfast.errors import InputError

SECRET_PREFIX = "HOLDFAST_SECRET_"  # noqa: S105 - of the names of variables, no secret
"""What the names of environment variables that hold secrets begin with."""

_DEFAULTS = {"system": None, "most_per_second": 100, "allow_private": False}
_LEAST_SECRET_BYTES = 24
"""By the Standard Webhooks specification."""


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A system that takes decisions by webhook.

    Parameters
    ----------
    name : str
        Its name.
    url : str
        Where it takes them. HTTPS; HTTP only where `allow_private` is true.
    secret : str
        Name of the environment variable that holds the secret of its signatures.
    channels : tuple of str
        Decisions through these channels are its.
    system : str or None
        As what ``external_ids`` knows it, if it wants its own ids of customers.
    most_per_second : int
        Webhooks a second at most, 1 to 10,000.
    allow_private : bool
        Whether it may lie in the operator's own network or on this machine.
    """

    name: str
    url: str
    secret: str
    channels: tuple[str, ...]
    system: str | None
    most_per_second: int
    allow_private: bool


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files for teams without webhooks.

    Parameters
    ----------
    format : {"csv", "parquet"}
        Of each file.
    """

    format: Literal["csv", "parquet"]


@dataclass(frozen=True, kw_only=True)
class Receivers:
    """Where decisions go: to receivers by their channels, the others into files.

    Parameters
    ----------
    webhooks : mapping of str to Receiver
        By name.
    files : Files
        What all other channels go into.
    """

    webhooks: Mapping[str, Receiver] = field(default_factory=dict)
    files: Files = Files(format="csv")

    @property
    def channels_in_files(self) -> tuple[str, ...]:
        """Channels that no webhook takes."""
        taken = {channel for one in self.webhooks.values() for channel in one.channels}
        return tuple(channel for channel in CONTACT_CHANNELS if channel not in taken)


class ReceiversError(FaultyFileError):
    """The file of receivers has mistakes."""


def receivers_of(home: Path) -> Path:
    """The file that declares the receivers of a home."""
    return home / "care" / "receivers.toml"


def read_receivers(path: Path) -> Receivers:
    """Read the receivers of a home.

    Parameters
    ----------
    path : Path
        A TOML file. Where there is none, everything goes into CSV files.

    Raises
    ------
    InputError
        The file cannot be read, or is no TOML.
    ReceiversError
        Anything in it is wrong.
    """
    if not path.exists():
        return Receivers()
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "must be a readable text file", type(error).__name__) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(path.name, f"must be TOML: {error}") from None
    faults = Faults(path.name, text)
    for name in document.keys() - {"receivers", "files"}:
        faults.add((name,), "must be `receivers` or `files`", name)
    files = _read(Files, ("files",), {"format": "csv"}, document.get("files", {}), faults)
    webhooks = _read_webhooks(document.get("receivers", {}), faults)
    _check_channels(webhooks, faults)
    if faults.faults or files is None:
        raise ReceiversError(faults.in_order())
    return Receivers(webhooks=webhooks, files=files)


def secrets_of(receiver: Receiver, environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """The secrets that a receiver's webhooks are signed with; several while one is replaced.

    Raises
    ------
    InputError
        The variable is not set, or holds no secret. The message does not show it.
    """
    given = environment.get(receiver.secret, "").split()
    rule = (
        "must hold the secret of a receiver: whsec_ and at least 24 bytes in base64; while one is"
        " replaced, two of them with a blank between"
    )
    secrets = []
    for one in given:
        try:
            secret = base64.b64decode(one.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise InputError(receiver.secret, rule) from None
        if len(secret) < _LEAST_SECRET_BYTES:
            raise InputError(receiver.secret, rule)
        secrets.append(secret)
    if not secrets:
        raise InputError(receiver.secret, rule)
    return tuple(secrets)


def _read_webhooks(entries: object, faults: Faults) -> dict[str, Receiver]:
    if not isinstance(entries, dict):
        faults.add(("receivers",), "must be tables such as [receivers.crm]")
        return {}
    webhooks = {}
    for name, entry in entries.items():
        here = ("receivers", name)
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or name == FILES:
            rule = f"must be a name of small letters, digits and _, other than {FILES!r}"
            faults.add(here, rule, name)
        receiver = _read(Receiver, here, {**_DEFAULTS, "name": name}, entry, faults)
        if receiver is not None:
            _check(receiver, here, faults)
            webhooks[name] = receiver
    return webhooks


def _read(
    kind: type[Any], here: tuple[str, ...], defaults: Mapping[str, Any], entry: Any, faults: Faults
) -> Any:
    if not isinstance(entry, dict):
        faults.add(here, "must be a table")
        return None
    known = kind.__dataclass_fields__.keys() - {"name"}
    for key in entry.keys() - known:
        faults.add((*here, key), f"must be one of {', '.join(sorted(known))}")
    read, wrong = inspect_document(kind, {**entry, **_without(defaults, entry)}, "")
    for fault in wrong:
        keys: list[str] = fault.field.removeprefix(": ").split(".")
        faults.add((*here, *keys), fault.rule, fault.value)
    return read


def _without(defaults: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of what an entry does not say; its name is not the entry's to say."""
    return {key: value for key, value in defaults.items() if key == "name" or key not in entry}


def _check(receiver: Receiver, here: tuple[str, ...], faults: Faults) -> None:
    _check_url(receiver, here, faults)
    if not re.fullmatch(f"{SECRET_PREFIX}[A-Z0-9_]+", receiver.secret):
        # Whoever writes the secret itself there by mistake does not find it in a log.
        rule = f"must be the name of an environment variable that begins with {SECRET_PREFIX}"
        faults.add((*here, "secret"), rule)
    if not receiver.channels:
        faults.add((*here, "channels"), "must name at least one channel")
    for channel in receiver.channels:
        if channel not in CONTACT_CHANNELS:
            rule = f"must be among {', '.join(CONTACT_CHANNELS)}"
            faults.add((*here, "channels"), rule, channel)
    if not 1 <= receiver.most_per_second <= 10_000:
        rule = "must lie between 1 and 10,000"
        faults.add((*here, "most_per_second"), rule, receiver.most_per_second)


def _check_url(receiver: Receiver, here: tuple[str, ...], faults: Faults) -> None:
    place = (*here, "url")
    try:
        url = urlsplit(receiver.url)
        host, _ = url.hostname, url.port
    except ValueError:
        faults.add(place, "must be a URL", receiver.url)
        return
    schemes = ("https", "http") if receiver.allow_private else ("https",)
    if url.scheme not in schemes or not host:
        rule = "must begin with https://, or where allow_private is true with http://"
        faults.add(place, rule, receiver.url)
        return
    if url.username or url.password or url.fragment:
        faults.add(place, "must hold no user, password or fragment")
    if not receiver.allow_private and _is_private(host):
        faults.add(place, "must be a public address unless allow_private is true", receiver.url)


def _is_private(host: str) -> bool:
    """Whether a host is a private address, as it is written: what a name stands for is checked when
    it is connected to.
    """
    try:
        return not is_public(host)
    except ValueError:
        # Digits that are no address mean one to some systems: 127.1 is this machine.
        return host == "localhost" or host.replace(".", "").isdigit()


def _check_channels(webhooks: Mapping[str, Receiver], faults: Faults) -> None:
    owners: dict[str, str] = {}
    for receiver in webhooks.values():
        for channel in receiver.channels:
            first = owners.setdefault(channel, receiver.name)
            if first != receiver.name:
                rule = f"must not name a channel that {first} has"
                faults.add(("receivers", receiver.name, "channels"), rule, channel)
