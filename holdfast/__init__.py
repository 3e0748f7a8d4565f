"""What all packages stand on.

Every package of this project imports this one first, so that libraries find these environment
variables when they load. What the operator has set stays.
"""

import os
import time
from pathlib import Path

for _variable, _value in {
    # LightGBM's threads would otherwise spin while they wait, against whatever else the machine does.
    "OMP_WAIT_POLICY": "passive",
    # No usage reports, no unpickling, no chatter; times in UTC.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "FEAST_USAGE": "False",
    "TZ": "UTC",
}.items():
    os.environ.setdefault(_variable, _value)
time.tzset()

try:
    Path.home()
except RuntimeError:
    # A user without an entry in passwd, as in many containers: MLflow fails as it loads where there
    # is no home directory to name. This one, as Debian's users without a home have, is never made.
    os.environ["HOME"] = "/nonexistent"
