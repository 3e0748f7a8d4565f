"""The contract of `POST /v1/campaigns/measure` and `GET /v1/jobs`."""

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from serving.contract.fields import check_document, single_parameters


class MeasureRequest(TypedDict):
    """Which campaign is to be measured."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    campaign_id: Annotated[str, Field(min_length=1, max_length=64)]


class JobsQuery(TypedDict):
    """What is asked, as query parameters."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    job_id: NotRequired[Annotated[str, Field(pattern="^[1-9][0-9]{0,8}$")]]


class JobDocument(TypedDict):
    """A job."""

    job_id: str
    kind: Literal["measure"]
    campaign_id: str
    state: Annotated[
        Literal["waiting", "running", "done", "failed"],
        Field(
            description=(
                "`waiting` until `holdfast work` begins it; `running`, also where that was killed and"
                " its successor has not begun yet."
            )
        ),
    ]
    asked_by: Annotated[str, Field(description="Name of the API key; empty without one.")]
    asked_at: str
    ended_at: str | None
    why: Annotated[str, Field(description="Why it failed; empty otherwise.")]


class JobsAnswer(TypedDict):
    """Jobs, the last one first; 100 at most."""

    jobs: list[JobDocument]


_REQUEST = TypeAdapter(MeasureRequest)
_QUERY = TypeAdapter(JobsQuery)


def read_measure(document: object) -> str:
    """The campaign that a body, read as JSON, asks to have measured.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    return check_document(_REQUEST, document)["campaign_id"]


def read_jobs_query(parameters: Sequence[tuple[str, str]]) -> int | None:
    """Number of the job that is asked for; None for the newest.

    Raises
    ------
    InputError
        Names the parameter, the rule and the value.
    """
    asked = check_document(_QUERY, single_parameters(parameters)).get("job_id")
    return None if asked is None else int(asked)
