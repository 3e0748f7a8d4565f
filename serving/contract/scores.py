"""The contract of `GET /v1/scores`: everybody's scores of the last night, or what has changed."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from holdfast.errors import InputError
from models.feed.facts import CHANGES, CURSOR_DAYS, Change
from serving.contract.fields import check_document, single_parameters
from serving.contract.language import TAG_PATTERN
from serving.contract.predictions import MOST_REASONS, Limits, Prediction

_CHANGES = "; ".join(f"`{change}`: {means}" for change, means in CHANGES.items())


class ScoresQuery(TypedDict):
    """What is asked, as query parameters. Each stands at most once."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    since: NotRequired[
        Annotated[
            str,
            Field(
                description=(
                    "`next` of an earlier answer: what has changed since. Without it, everybody. A"
                    f" cursor lives {CURSOR_DAYS} days; then the answer is 410."
                )
            ),
        ]
    ]
    limit: NotRequired[
        Annotated[int, Field(ge=1, description="Most scores in one answer. Default: the most.")]
    ]
    models: NotRequired[
        Annotated[
            list[str],
            Field(
                min_length=1,
                description="Models, with commas between them. Default: all. `since` remembers them.",
            ),
        ]
    ]
    language: NotRequired[
        Annotated[
            str,
            Field(
                description="Language of reasons, as a BCP 47 tag; without it `Accept-Language`.",
                json_schema_extra={"pattern": TAG_PATTERN},
            ),
        ]
    ]
    reasons: Annotated[
        int,
        Field(default=3, ge=0, le=MOST_REASONS, description="Most reasons for each score."),
    ]


class Score(Prediction):
    """The score of one subscription or customer: a prediction that was made in the night."""

    change: Annotated[
        Change, Field(description=f"Why it was reported last; the first that applies. {_CHANGES}.")
    ]


class ScoredModel(TypedDict):
    """What the night made with one model."""

    model: str
    version: Annotated[
        str, Field(description="Another one than before: to have all its scores, read everybody.")
    ]
    marks: Annotated[list[Literal["shadow"]], Field(description="Marks of all its scores.")]
    night: Annotated[str, Field(description="What the features were known as of, ISO 8601.")]
    scored_at: Annotated[str, Field(description="When the scores were made, ISO 8601.")]
    scores: Annotated[int, Field(description="How many there are, over all horizons.")]


class Manifest(TypedDict):
    """What a full export holds, so that a caller can tell whether all of it arrived."""

    made_at: Annotated[str, Field(description="When these scores were published, ISO 8601.")]
    scores: Annotated[int, Field(description="How many scores there are of the models asked.")]
    models: list[ScoredModel]


class ScoresAnswer(TypedDict):
    """Scores in the order of their last reports."""

    language: Annotated[str, Field(description="Language of the reasons.")]
    limits: Limits
    manifest: Annotated[
        Manifest,
        Field(
            description=(
                "Of the scores that are read: in all answers of a full export the same, else of the"
                " newest."
            )
        ),
    ]
    scores: list[Score]
    next: Annotated[str, Field(description="Cursor to go on from, as `since`. Keep the last one.")]
    more: Annotated[
        bool, Field(description="There is more to read now; false: ask again after the next night.")
    ]


QUERY = TypeAdapter(ScoresQuery)


def check_scores(parameters: Sequence[tuple[str, str]], most: int) -> ScoresQuery:
    """Check query parameters against the contract.

    Parameters
    ----------
    parameters : sequence of (str, str)
        Names and values.
    most : int
        Most scores in one answer.

    Raises
    ------
    InputError
        Names the parameter, the rule and the value.
    """
    document: dict[str, Any] = single_parameters(parameters)
    if "models" in document:
        document["models"] = document["models"].split(",")
    query = check_document(QUERY, document)
    if query.get("limit", 0) > most:
        raise InputError("limit", f"must be 1 to {most}", query["limit"])
    return query
