"""What `bentoml serve serving.bento:service` and `bentoml build` take: the service of the home that
`HOLDFAST_HOME` names, by the same settings as `holdfast serve`.

BentoML runs it with its own server: the limits of connections, the drain and metrics of `holdfast
serve` are not there, and every request passes through BentoML's middleware.
"""

from care.settings import CareSettings
from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from holdfast.settings import BaseSection
from serving.health import Health
from serving.process.worker import ServingPlan
from serving.served.follower import ModelFollower
from serving.service import make_service
from serving.settings import ServingSettings

_plan = ServingPlan(
    *(Home(BaseSection.read().home), ServingSettings.read()),
    *(OnlineSettings.read(), CareSettings.read()),
)
_follower = ModelFollower(_plan.home, _plan.online, system_clock)

service = make_service(
    _follower, Health(_follower), _plan.access(), _plan.settings, log=_plan.log, care=_plan.care
)
"""The service; its models are loaded when it starts."""
