"""Earlier looks at an experiment, kept with its result, and what they leave to be claimed at the next.

The plan of looks must be made before the first of them: whoever evaluates a growing experiment again
with intervals for a single look, or changes the plan once figures were seen, finds by chance what is
not there. So each look is kept, and the plan of the first one holds for all others. Only a first look
for itself may be followed by a confidence sequence, which holds however often anybody looked before.

Looks are of the same experiment where treatment, outcome, control and action have the same names, and
results are kept in the same directory. Looks are the same one where as many customers of each arm had
each outcome: an experiment that is evaluated again on the same data, though with other features or other
groups, is looked at once.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from holdfast.documents import read_document, to_document
from holdfast.errors import InputError
from holdfast.files import write_beside
from training.uplift.experiment import Experiment
from training.uplift.looks import Look
from training.uplift.result import ActionLook, TakenLook

if TYPE_CHECKING:
    from training.uplift.estimate import EvaluatedExperiment

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class _StoredLooks:
    """What the file holds."""

    format: int
    looks: tuple[TakenLook, ...]


@dataclass(frozen=True)
class EarlierLooks:
    """Looks that were taken, in the order in which they were.

    Parameters
    ----------
    looks : tuple of TakenLook
        At one or more experiments.
    """

    looks: tuple[TakenLook, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "EarlierLooks":
        """Read what was kept; none where there is no file.

        Raises
        ------
        InputError
            The file is damaged. It is not passed over, because looks would be forgotten.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            raise InputError(
                str(path),
                f"must hold the looks taken so far, as JSON ({type(error).__name__}); "
                "bring it back, or choose another directory for another experiment",
            ) from None
        stored = read_document(_StoredLooks, document, str(path))
        if stored.format != FORMAT:
            raise InputError(str(path), f"must be of format {FORMAT}", stored.format)
        return cls(stored.looks)

    def write(self, path: Path) -> None:
        """Write them; a file that holds the same already stays as it is."""
        document = to_document(_StoredLooks(format=FORMAT, looks=self.looks))
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_beside(path, text)

    def know(self, looks: Iterable[ActionLook]) -> bool:
        """Whether any look was taken at what one of some others is at."""
        return bool({one.subject for one in self.looks} & {look.subject for look in looks})

    def before(self, look: ActionLook) -> tuple[TakenLook, ...]:
        """Looks at the same action before one; the same look, taken again, has its first place."""
        same = [one for one in self.looks if one.subject == look.subject]
        place = next((k for k, one in enumerate(same) if one.is_same_as(look)), len(same))
        return tuple(same[:place])

    def barring(self, look: ActionLook) -> TakenLook | None:
        """The earlier look because of which nothing may be claimed at one; None where there is none."""
        before = self.before(look)
        if not before:
            return None
        if look.expected is not None and not before[0].plan.planned:
            # It would be narrowest where somebody has seen that it pays.
            sequence = next((one for one in before if one.expected is not None), None)
            changed = sequence is not None and sequence.expected != look.expected
            return sequence if changed else None
        return None if _is_in_plan(look, before) else before[0]

    def adding(self, looks: Iterable[TakenLook]) -> "EarlierLooks":
        """These and others. A look that was taken again keeps its place and its time, and gets the
        newer verdict.
        """
        kept = list(self.looks)
        for look in looks:
            places = [
                k
                for k, one in enumerate(kept)
                if one.subject == look.subject and one.is_same_as(look)
            ]
            if places:
                kept[places[0]] = replace(look, at=kept[places[0]].at)
            else:
                kept.append(look)
        return EarlierLooks(tuple(kept))


NONE_EARLIER = EarlierLooks()


def _is_in_plan(look: ActionLook, before: Sequence[TakenLook]) -> bool:
    """Whether a look follows the plan of the first one.

    A plan may be shortened once, as an experiment may end early for a reason that has nothing to do with
    its result. The looks that it had before must stay, and nobody can prolong it.
    """
    first, plan = before[0].plan.planned, look.plan.planned
    ends = [one.plan.planned for one in before if _shortens(one.plan.planned, first)]
    if ends:
        return plan == ends[0]
    return bool(plan) and (plan == first or _shortens(plan, first))


def _shortens(plan: tuple[int, ...], first: tuple[int, ...]) -> bool:
    return bool(first and plan) and plan[-1] < first[-1] and plan[:-1] == first[: len(plan) - 1]


def look_at(experiment: Experiment, action: int, look: Look) -> ActionLook:
    """The look at one action of an experiment.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    action : int
        Position of the action.
    look : Look
        The look at the experiment.
    """
    return ActionLook(
        treatment=experiment.treatment,
        outcome=experiment.outcome_name,
        control=experiment.arms[0],
        action=experiment.arms[action + 1],
        clusters=look.clusters,
        looks=look.looks.told,
        expected=look.looks.expected,
        data=_digest(experiment, action),
    )


def looks_taken(results: "Iterable[EvaluatedExperiment]", at: datetime) -> list[TakenLook]:
    """The looks at all actions of experiments, with what was found.

    Parameters
    ----------
    results : iterable of EvaluatedExperiment
        With verdicts.
    at : datetime
        When, with a time zone.
    """
    return [
        TakenLook(
            **vars(look_at(result.experiment, place, result.look)),
            at=at.isoformat(),
            evidence=action.finding.evidence,
            verdict=action.finding.verdict,
            why_not=action.finding.why_not,
            targetable=action.finding.targetable,
        )
        for result in results
        for place, action in enumerate(result.actions)
    ]


def _digest(experiment: Experiment, action: int) -> str:
    """SHA-256 of how many customers of an action and of control had which outcome.

    It depends neither on the order of rows nor on features, groups and propensities: a column that is
    left out, or a household that is named, makes no second look of the first.
    """
    inside = np.isin(experiment.arm, (0, action + 1))
    treated = (experiment.arm[inside] > 0).astype(np.float64)
    # Sum with 0, as -0 and 0 are the same outcome.
    rows = np.column_stack([treated, experiment.outcome[inside] + 0.0])
    return sha256(rows[np.lexsort(rows.T)].astype("<f8").tobytes()).hexdigest()
