"""Settings: frozen values that say how things are done.

A package's settings are sections, subclasses of `Section`. Making one reads nothing:
``LabelSettings(gap_days=14)`` is the same everywhere, with the defaults of the class. The edges
alone (`commands`, `serving.server`, `serving.bento`, and classes that Feast makes) read sections
from the environment, with `Section.read`, and pass them down. `docs/reference/settings.md` lists
them all.
"""

from pathlib import Path
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource

from holdfast.errors import InputError


class Section(BaseModel):
    """Settings of one kind, with one prefix for their environment variables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: ClassVar[str] = "HOLDFAST_"
    """What the names of its environment variables begin with."""

    @classmethod
    def variable(cls, field: str) -> str:
        """Name of the environment variable behind a field."""
        return f"{cls.prefix}{field}".upper()

    @classmethod
    def read(cls) -> Self:
        """Read the section from the environment; for the edges only.

        A variable that is not set, or empty, leaves the default.

        Raises
        ------
        InputError
            Names the environment variable, the rule and the value.
        """
        try:
            return cls.model_validate(_environment_of(cls))
        except ValidationError as error:
            first = error.errors()[0]
            fields = [str(first["loc"][0])] if first["loc"] else list(cls.model_fields)
            raise InputError(
                ", ".join(map(cls.variable, fields)), first["msg"], first["input"]
            ) from None


class BaseSection(Section):
    """Settings of the command line."""

    home: Path = Field(
        default=Path("var"), description="Directory that everything a run writes lies in."
    )


def _environment_of(section: type[Section]) -> dict[str, Any]:
    """The values that the environment holds for a section's fields, as texts."""
    # The source asks a model for its fields and its configuration alone.
    source = EnvSettingsSource(
        cast(type[BaseSettings], section), env_prefix=section.prefix, env_ignore_empty=True
    )
    return source()
