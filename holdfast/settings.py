"""Settings: what can be set from the environment, and where everything a run writes lies.

Every room owns a section, a subclass of `Section` with a prefix of its own; `docs/reference/settings.md` lists them all.
"""

import os
import time
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from holdfast.errors import HomeError, InputError


class Section(BaseSettings):
    """One room's settings, read from `HOLDFAST_*` environment variables; frozen once read."""

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def variable(cls, field: str) -> str:
        """Name of the environment variable behind a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()

    @classmethod
    def read(cls) -> Self:
        """Read the section from the environment.

        Raises
        ------
        InputError
            Names the environment variable, the rule and the value.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            fields = [str(first["loc"][0])] if first["loc"] else list(cls.model_fields)
            raise InputError(", ".join(map(cls.variable, fields)), first["msg"], first["input"]) from None


class BaseSection(Section):
    """Settings of the front door."""

    home: Path = Field(default=Path("var"), description="Directory that everything a run writes lies in.")


class Home:
    """Where everything lies in a home directory. Nothing is created by asking.

    Parameters
    ----------
    root : Path
        The home directory.
    """

    def __init__(self, root: Path) -> None:
        try:
            self.root = root.expanduser().absolute()
        except RuntimeError:
            raise HomeError("--home", "must be a path whose user exists", str(root)) from None

    @cached_property
    def lock(self) -> Path:
        """Held by the one process that may write."""
        return self.root / ".lock"

    @cached_property
    def manifest(self) -> Path:
        """What the home belongs to: id, target and columns."""
        return self.root / "home.json"

    @cached_property
    def features(self) -> Path:
        """The Feast repository: definitions, feature tables, registry and online store."""
        return self.root / "features"

    @cached_property
    def raw(self) -> Path:
        """The operator's raw tables as they were accepted."""
        return self.root / "raw"

    @cached_property
    def quarantine(self) -> Path:
        """Raw rows that were not accepted, with the reasons."""
        return self.root / "quarantine"

    @cached_property
    def checked(self) -> Path:
        """Raw rows that the last check alone did not accept."""
        return self.root / "checked"

    @cached_property
    def tracking(self) -> Path:
        """MLflow's database: runs and the model registry."""
        return self.root / "mlflow.db"

    @cached_property
    def artifacts(self) -> Path:
        """What MLflow's runs and model versions consist of."""
        return self.root / "mlartifacts"

    @cached_property
    def scores(self) -> Path:
        """Everyone's scores."""
        return self.root / "scores.parquet"

    @cached_property
    def care_list(self) -> Path:
        """Whom to care for first."""
        return self.root / "care_list.csv"

    @cached_property
    def report(self) -> Path:
        """How good the model is, what drives risk and who is at risk."""
        return self.root / "report.html"


def keep_parts_private() -> None:
    """Turn off what the parts would do unasked: usage reports, unpickling, chatter, times in the local zone.

    Called before a part is first imported; a value set by the operator stays.
    """
    for variable, value in (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_LOGGING_LEVEL", "WARNING"),
        ("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false"),
        ("BENTOML_DO_NOT_TRACK", "True"),
        ("FEAST_USAGE", "False"),
        ("TZ", "UTC"),
    ):
        os.environ.setdefault(variable, value)
    time.tzset()
