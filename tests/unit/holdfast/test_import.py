"""What importing any of our modules has done before the first library loads."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

PACKAGES = (
    *("holdfast", "features", "models", "simulator", "training"),
    *("reports", "serving", "pipeline", "commands", "benchmarks"),
)

_WATCH = """
import importlib, json, os, sys

class LibraryNeeded(Exception): ...

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*packages, *sys.stdlib_module_names}:
            raise LibraryNeeded

modules, packages = map(json.loads, sys.argv[1:])
sys.meta_path.insert(0, Watch())
policies = {}
for module in modules:
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
    os.environ.pop("OMP_WAIT_POLICY", None)
    try:
        importlib.import_module(module)
    except LibraryNeeded:
        pass
    policies[module] = os.environ.get("OMP_WAIT_POLICY")
print(json.dumps(policies))
"""

_SHOW = (
    "import holdfast, os, time;"
    "print(*map(os.getenv, ('OMP_WAIT_POLICY', 'TZ', 'FEAST_USAGE')), time.tzname[0])"
)


def test_libraries_find_their_variables_whichever_module_is_imported_first() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    command = [sys.executable, "-c", _WATCH, json.dumps(modules), json.dumps(PACKAGES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    policies = json.loads(done.stdout)
    assert len(policies) == len(modules) > 200
    assert {module for module, policy in policies.items() if policy != "passive"} == set()


def test_what_the_operator_has_set_stays() -> None:
    given = {"OMP_WAIT_POLICY": "active", "TZ": "Asia/Shanghai"}
    done = subprocess.run(
        [sys.executable, "-c", _SHOW],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["active", "Asia/Shanghai", "False", "CST"]
