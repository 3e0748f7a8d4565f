"""Promotion: which version of a model is champion, which was before, and the gate's verdicts.

There are four aliases: ``champion`` is served, ``previous`` was served before it, ``challenger``
was registered last, and ``shadow`` is served, marked so, while there is no champion. MLflow moves
one alias at a time. So a move is first recorded on the version, then takes effect by the champion's
alias alone. The other aliases follow; if the process was killed in between, the next move sets them
(`Promotions.settle`).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from models.registry import (
    CHALLENGER,
    CHAMPION,
    MOVES,
    PREVIOUS,
    SHADOW,
    SHADOW_SINCE,
    moves,
)
from training.release.verdict import with_messages

if TYPE_CHECKING:
    from mlflow import MlflowClient

UNGATED = "ungated"
"""Tag of a version that became champion without passing the gate."""

GATE = "gate"
"""Tag that holds all verdicts of the gate on a version, as a JSON list, newest last."""

How = Literal["gate", "rollback", "ungated"]

_MOST_KEPT = 20
_MOST_REASONS = 50


def verdicts(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Verdicts of the gate on a version, from its tags: ``at``, ``champion``, ``passed``,
    ``reasons`` (``rule``, ``where``, ``message`` in English), ``explained``; newest last.
    """
    return [with_messages(verdict) for verdict in _entries(tags, GATE)]


class Promotions:
    """Moves the aliases of registered models, and records verdicts.

    Parameters
    ----------
    client : MlflowClient
        Of the registry. The caller makes sure that no other process writes.
    """

    def __init__(self, client: "MlflowClient") -> None:
        self._client = client

    def record_verdict(
        self, name: str, number: str, verdict: Mapping[str, Any], champion: str | None, at: datetime
    ) -> None:
        """Record a verdict of the gate on a version.

        Parameters
        ----------
        name, number : str
            The version.
        verdict : mapping
            `training.release.gate.Verdict.to_json`.
        champion : str or None
            Version that was champion then.
        at : datetime
            When, aware.
        """
        kept = {**verdict, "reasons": list(verdict["reasons"])[:_MOST_REASONS]}
        self._append(
            name,
            number,
            GATE,
            {"at": at.isoformat(timespec="seconds"), "champion": champion, **kept},
        )

    def move(self, name: str, number: str, how: How, at: datetime) -> None:
        """Make a version the champion, and the champion until then the previous one."""
        champion = self._aliases(name).get(CHAMPION)
        if champion != number:
            self._append(
                name,
                number,
                MOVES,
                {"at": at.isoformat(timespec="seconds"), "how": how, "replaced": champion},
            )
            if how == "ungated":
                self._client.set_model_version_tag(name, number, UNGATED, "true")
            elif how == "gate":
                self._client.delete_model_version_tag(name, number, UNGATED)
            self._client.set_registered_model_alias(name, CHAMPION, number)
        self.settle(name)

    def make_shadow(self, name: str, number: str, at: datetime) -> None:
        """Make a version the shadow of a model that has no champion."""
        replaced = self._aliases(name).get(SHADOW)
        if replaced != number:
            entry = {"at": at.isoformat(timespec="seconds"), "replaced": replaced}
            self._append(name, number, SHADOW_SINCE, entry)
            self._client.set_registered_model_alias(name, SHADOW, number)

    def settle(self, name: str) -> None:
        """Set the other aliases after the champion: the version it replaced is the previous one, it
        is no longer the challenger, and there is no shadow beside a champion.
        """
        aliases = self._aliases(name)
        champion = aliases.get(CHAMPION)
        if champion is None:
            return
        recorded = moves(self._client.get_model_version(name, champion).tags)
        replaced = recorded[-1]["replaced"] if recorded else None
        if replaced is not None and aliases.get(PREVIOUS) != replaced:
            self._client.set_registered_model_alias(name, PREVIOUS, replaced)
        if aliases.get(CHALLENGER) == champion:
            self._client.delete_registered_model_alias(name, CHALLENGER)
        if SHADOW in aliases:
            self._client.delete_registered_model_alias(name, SHADOW)

    def _aliases(self, name: str) -> dict[str, str]:
        return {
            alias: str(number)
            for alias, number in self._client.get_registered_model(name).aliases.items()
        }

    def _append(self, name: str, number: str, tag: str, entry: dict[str, Any]) -> None:
        entries = [*_entries(self._client.get_model_version(name, number).tags, tag), entry]
        self._client.set_model_version_tag(
            name, number, tag, json.dumps(entries[-_MOST_KEPT:], ensure_ascii=False)
        )


def _entries(tags: Mapping[str, str], tag: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(tags.get(tag, "[]"))
    return entries
