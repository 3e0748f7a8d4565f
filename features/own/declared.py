"""What a TOML file of a home's own features may hold."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from features.contracts.vocabulary import BILLING_TYPES
from features.views.declaration import DataClass, Direction, Driver

OwnEntity = Literal["subscription", "customer"]

Text = Annotated[str, Field(min_length=1, pattern=r"^[^\n\r]*$")]


class DeclaredFeature(BaseModel):
    """A table ``[features.own_…]``; the keys are those of `features.views.declaration.Feature`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: Annotated[str, Field(min_length=6, pattern=r"^[^\n\r|]*$")]
    unit: Text
    driver: Driver
    actionable: bool
    churn: Direction = "none"
    dissatisfaction: Direction = "none"
    data_class: DataClass
    null: Text
    reason: Text
    lines: tuple[str, ...] = BILLING_TYPES
    minimum: float | None = None
    maximum: float | None = None
    form: dict[str, Any]

    @field_validator("lines")
    @classmethod
    def _known_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        if not lines or not set(lines) <= set(BILLING_TYPES):
            raise ValueError(f"must be some of {', '.join(BILLING_TYPES)}")
        return tuple(line for line in BILLING_TYPES if line in lines)

    @field_validator("unit")
    @classmethod
    def _is_a_number(cls, unit: str) -> str:
        if unit == "code":
            raise ValueError("must be of a number, or 'yes or no'; codes cannot be declared")
        return unit


class DeclaredView(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: OwnEntity
    tables: Annotated[tuple[str, ...], Field(min_length=1)]
    services: tuple[str, ...] | None = None
    features: Annotated[dict[str, DeclaredFeature], Field(min_length=1)]
    words: dict[str, dict[str, Any]]
