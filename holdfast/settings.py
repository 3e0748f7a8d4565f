"""Settings: what can be set from the environment, and where everything a run writes lies.

Every room owns a section, a subclass of `Section` with a prefix of its own;
`docs/reference/settings.md` lists them all.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from holdfast.errors import InputError


class Section(BaseSettings):
    """One room's settings, read from `HOLDFAST_*` environment variables; frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix="HOLDFAST_", frozen=True, extra="ignore", env_ignore_empty=True
    )

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
            raise InputError(
                ", ".join(map(cls.variable, fields)), first["msg"], first["input"]
            ) from None


class BaseSection(Section):
    """Settings of the front door."""

    home: Path = Field(
        default=Path("var"), description="Directory that everything a run writes lies in."
    )
