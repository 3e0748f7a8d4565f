"""The contract of `GET /v1/campaigns` and `POST /v1/campaigns/approve`."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from serving.contract.fields import check_document, single_parameters

_STRICT = ConfigDict(extra="forbid", strict=True)
_OBJECT = WithJsonSchema({"type": "object"})

How = Annotated[
    Literal["key", "rule", "simulation", "typed"],
    Field(
        description=(
            "How it is known who approved: by their API key, or by a rule that they approved with"
            " it. `simulation`: of a simulated operator; `typed`: by an earlier release."
        )
    ),
]


class CampaignsQuery(TypedDict):
    """What is asked, as query parameters."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    campaign_id: NotRequired[
        Annotated[str, Field(min_length=1, max_length=64, description="This one alone.")]
    ]


class ApprovalDocument(TypedDict):
    """Who approved a plan."""

    by: str
    how: How
    key: Annotated[str | None, Field(description="Name of the API key.")]
    at: str


class PlanDocument(TypedDict):
    """The newest plan of a campaign."""

    plan_id: str
    digest: Annotated[str, Field(description="SHA-256 of all its decisions: what is approved.")]
    made_at: str
    about: Annotated[
        dict[str, Any],
        _OBJECT,
        Field(
            description=(
                "Proposals by what they came to: `proposed`, `sent`, `control`, `holdout`, and"
                " `refused` by the first rule that refuses them; and what it rests on."
            )
        ),
    ]
    approval: ApprovalDocument | None


class RuleDocument(TypedDict):
    """What is approved of a campaign in advance, each night."""

    by: str
    how: How
    key: str | None
    at: str
    most_messages: int
    most_cost: float


class CampaignDocument(TypedDict):
    """A campaign at a glance."""

    campaign_id: str
    state: Annotated[
        Literal["planned", "sending", "sent", "measured"],
        Field(
            description=(
                "`planned`: its newest plan waits for approval. `sending`: decisions are on their"
                " way. `sent`: none is any more. `measured`: its effect is known."
            )
        ),
    ]
    decisions: Annotated[dict[str, int], Field(description="Decisions by their present state.")]
    plan: PlanDocument
    rule: RuleDocument | None
    reported: Annotated[
        dict[str, int], Field(description="Decisions with each outcome that channels report.")
    ]
    measured: Annotated[
        dict[str, Any] | None,
        WithJsonSchema({"type": ["object", "null"]}),
        Field(
            description=(
                "What the last night that measured it found: `effect` with `value`, `low` and `high`,"
                " null until `known_on`; `intended`, `withheld`, `sent`, `refused`,"
                " `sample_ratio_ok`."
            )
        ),
    ]
    measured_at: str | None


class CampaignsAnswer(TypedDict):
    """Campaigns that were ever planned, by name."""

    campaigns: list[CampaignDocument]


class ApprovalRequest(TypedDict):
    """Which plan is approved, as it was looked at."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    campaign_id: Annotated[str, Field(min_length=1, max_length=64)]
    digest: Annotated[
        str,
        Field(
            pattern="^([0-9a-f]{8}|[0-9a-f]{64})$",
            description="Of the plan, or its first eight letters.",
        ),
    ]


class ApprovalAnswer(TypedDict):
    """An approved plan."""

    campaign_id: str
    plan_id: str
    digest: str
    approved_by: Annotated[str, Field(description="Who approved it, now or before.")]
    how: How
    key: str | None
    approved_at: str
    to_send: Annotated[
        int,
        Field(
            description="Decisions that may be sent from now on; 0 where it was approved before."
        ),
    ]


_QUERY = TypeAdapter(CampaignsQuery)
_REQUEST = TypeAdapter(ApprovalRequest)


def read_query(parameters: Sequence[tuple[str, str]]) -> str | None:
    """The campaign that is asked for; None for all.

    Raises
    ------
    InputError
        Names the parameter, the rule and the value.
    """
    return check_document(_QUERY, single_parameters(parameters)).get("campaign_id")


def read_approval(document: object) -> ApprovalRequest:
    """A body, read as JSON.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    return check_document(_REQUEST, document)
