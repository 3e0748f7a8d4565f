"""Jobs that the process that works does: campaigns measured for whoever asked over HTTP."""

import logging
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from care.ledger.work import Job
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.errors import HoldfastError
from holdfast.failpoint import Failpoint
from pipeline.care.measure import measure_campaign
from pipeline.care.pages import write_effect
from pipeline.care.workspace import CareWorkspace
from training.settings import LabelSettings

_log = logging.getLogger(__name__)


def do_next_job(
    care: CareWorkspace,
    labels: LabelSettings,
    features: FeatureSettings,
    clock: Clock,
    worker: int,
    failpoint: Failpoint,
) -> bool:
    """Do the next job, if there is one: measure its campaign, keep the result and write its page.

    Done twice after a kill, it leaves the same behind.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    labels : LabelSettings
        What counts as lost.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.
    worker : int
        Number of the lease that is held.
    failpoint : Failpoint
        Called between the steps.

    Returns
    -------
    bool
        Whether there was one.
    """
    job = care.ledger.jobs.take(worker, clock())
    if job is None:
        return False
    failpoint("in_job")
    failed = ""
    try:
        _measure(care, job, labels, features, clock)
    except SQLAlchemyError:
        raise  # the job stays begun, and is done again by the next process that works
    except HoldfastError as error:
        failed = str(error)
    except Exception as error:
        # Whatever else is wrong with one campaign must not end the handing over.
        _log.error("job %d failed", job.number, exc_info=error)
        failed = f"unexpected {type(error).__name__}"
    care.ledger.jobs.end(job, worker, clock(), failed)
    _log.info("job %d, measure %s: %s", job.number, job.campaign_id, failed or "done")
    return True


def _measure(
    care: CareWorkspace, job: Job, labels: LabelSettings, features: FeatureSettings, clock: Clock
) -> None:
    measured = measure_campaign(care, job.campaign_id, labels, features, clock)
    now: datetime = clock()
    care.ledger.measured.record_campaign(job.campaign_id, measured.to_json(), now)
    write_effect(care, measured)
