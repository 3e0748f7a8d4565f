"""What is kept of how boosters came about, for those that were evaluated and those that score."""

from collections.abc import Sequence

from models.reasons.cost import explanation_cost
from models.version import HorizonModel
from training.evaluation.assessment import horizon_name
from training.fitting.horizon_models import FittedModels
from training.fitting.parameters import Parameters
from training.release.facts import FittedFacts, MemberFacts


def fitted_facts(fitted: FittedModels, parameter_sets: Sequence[Parameters]) -> FittedFacts:
    """How boosters came about.

    Parameters
    ----------
    fitted : FittedModels
        The boosters.
    parameter_sets : sequence of mapping
        What they were fitted with, as `training.fitting.horizon_models.fit_horizon_models` takes it.
    """
    sets = list(parameter_sets)
    return FittedFacts(
        members={
            name: tuple(
                MemberFacts(parameter_set=sets.index(one.parameters), rounds=one.rounds)
                for one in members
            )
            for name, members in fitted.plan.items()
        },
        explanation_cost=explanation_costs(fitted.models),
        folds=fitted.record.folds,
        calibrations=fitted.record.calibrations,
    )


def explanation_costs(models: Sequence[HorizonModel]) -> dict[str, int]:
    """Leaves that an explanation visits by the costliest stratum, by horizon."""
    return {
        horizon_name(model.horizon_days): max(
            explanation_cost(*stratum_model.boosters)
            for stratum_model in model.stratum_models.values()
        )
        for model in models
    }
