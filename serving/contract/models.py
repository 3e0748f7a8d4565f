"""The contract of `GET /v1/models`: what is served, and what rows of each model hold."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from features.encoding.encoding import Value


class RowColumn(TypedDict):
    """One column of the rows that a model takes."""

    name: str
    kind: Annotated[
        Literal["number", "category", "date"],
        Field(description="What its values are; dates are ISO 8601."),
    ]
    about: Annotated[str, Field(description="What it is; empty where only its name says.")]
    unit: Annotated[str, Field(description="Unit of its numbers; empty where none is known.")]
    categories: Annotated[
        list[str] | None, Field(description="Values of a category; null for another kind.")
    ]
    minimum: Annotated[
        Value, Field(description="Smallest value in training; null where not known.")
    ]
    maximum: Annotated[Value, Field(description="Largest value in training; null where not known.")]


class ServedModelDocument(TypedDict):
    """One model that is served."""

    name: str
    target: Annotated[str, Field(description="The event that a probability is given for.")]
    entity: Annotated[
        Literal["subscription", "customer", "contact"], Field(description="What it predicts for.")
    ]
    horizons_days: Annotated[
        list[int], Field(description="Its horizons; empty where its target names none.")
    ]
    version: str
    shadow: Annotated[
        bool,
        Field(
            description="It answers because there is no champion: it has not passed the gate, for want of evidence."
        ),
    ]
    registered_at: Annotated[str, Field(description="When the version was registered, ISO 8601.")]
    served_since: Annotated[
        str, Field(description="When the version became champion or shadow, ISO 8601.")
    ]
    id_column: Annotated[
        str | None, Field(description="Column of a row whose value comes back as its id.")
    ]
    columns: Annotated[list[RowColumn], Field(description="Columns that the model uses.")]


class ModelsAnswer(TypedDict):
    """All models that are served."""

    models: list[ServedModelDocument]
    problems: Annotated[
        dict[str, str],
        Field(
            description=(
                "Models whose newest version cannot be loaded, and why; an older one may answer. The"
                " server's log says more."
            )
        ),
    ]
