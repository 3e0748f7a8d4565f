"""What a check of a home's own features came to."""

from dataclasses import dataclass

from features.own.fault import Fault


@dataclass(frozen=True)
class CheckedFeature:
    """What one feature looks like on the rows that it was tried on.

    Parameters
    ----------
    name : str
        The feature.
    entities, missing : int
        Entities asked for, and those without a value.
    minimum, maximum : float or None
        Of its values; None where there is none.
    """

    name: str
    entities: int
    missing: int
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True)
class OwnCheck:
    """All that was found.

    Parameters
    ----------
    features : tuple of CheckedFeature
        Features of the files that could be tried.
    faults : tuple of Fault
        What is wrong, by file and line.
    doubts : tuple of str
        What is not wrong, but worth a look.
    tried_on : str
        Which raw tables the features were tried on.
    """

    features: tuple[CheckedFeature, ...]
    faults: tuple[Fault, ...]
    doubts: tuple[str, ...]
    tried_on: str

    def to_json(self) -> dict[str, object]:
        """As one JSON object."""
        return {
            "tried_on": self.tried_on,
            "features": [vars(one) for one in self.features],
            "faults": [one.to_json() for one in self.faults],
            "doubts": list(self.doubts),
        }
