"""What a night asks of care, which whoever runs it gives (see `pipeline.care.nightly.night`)."""

from typing import Any, Protocol

from holdfast.sentences import Sentence


class CareResult(Protocol):
    """What a night did about care."""

    def told(self) -> Sentence:
        """It as a sentence."""
        ...

    def to_json(self) -> dict[str, Any]:
        """It as a JSON object."""
        ...


class NightCare(Protocol):
    """Care as a night runs it. Every method but `is_there` may raise a HoldfastError."""

    @property
    def is_there(self) -> bool:
        """Whether there is anything to do."""
        ...

    def export(self) -> dict[str, int]:
        """Write what our own care gives back to the raw tables; rows by table."""
        ...

    def inputs(self) -> object:
        """JSON that changes with what `run` rests on."""
        ...

    def run(self, *, may_run: bool, has_doubts: bool) -> CareResult:
        """Record what came of care, and plan what was approved in advance."""
        ...
