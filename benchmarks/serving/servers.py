"""How each server is started and asked, and what its answers hold."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving.load import Call
from benchmarks.serving.server_process import ServerProcess, server_process
from holdfast.home import Home

PLAIN_STACK_FOLDER = "PLAIN_STACK_FOLDER"
"""Environment variable that tells the plain stack where its files are."""

NOTHING_KEPT = {"HOLDFAST_SERVING_KEPT_MB": "0"}
"""Environment of a service that computes every answer."""

# The others are told in the environment alone to use one thread per call.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "TZ": "UTC"}


@dataclass(frozen=True)
class Servers:
    """The servers compared.

    Parameters
    ----------
    home : Home
        Of `quickstart`.
    plain_files, mlflow_model : Path
        As `benchmarks.serving.plain_files` writes them.
    scratch : Path
        Gets what servers print.
    """

    home: Home
    plain_files: Path
    mlflow_model: Path
    scratch: Path

    def holdfast(
        self, environment: Mapping[str, str] | None = None
    ) -> AbstractContextManager[ServerProcess]:
        """``holdfast serve``."""
        return holdfast_server(self.home, self.scratch, environment or {})

    def plain_stack(self) -> AbstractContextManager[ServerProcess]:
        """``bentoml serve`` of the plain stack, as BentoML comes."""
        service = "benchmarks.serving.plain_stack:PlainStack"
        environment = {
            **_ONE_THREAD,
            PLAIN_STACK_FOLDER: str(self.plain_files),
            "BENTOML_HOME": str(self.scratch / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        return server_process(
            _python("bentoml", "serve", service, "--host", "127.0.0.1", "--port", "{port}"),
            "/readyz",
            self.scratch / "plain_stack.log",
            environment,
        )

    def mlflow(self) -> AbstractContextManager[ServerProcess]:
        """``mlflow models serve`` in this environment, with one worker."""
        model = ("--model-uri", str(self.mlflow_model), "--env-manager", "local")
        listening = ("--host", "127.0.0.1", "--port", "{port}", "--workers", "1")
        # It starts uvicorn by name.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return server_process(
            _python("mlflow", "models", "serve", *model, *listening),
            "/health",
            self.scratch / "mlflow.log",
            {**_ONE_THREAD, "PATH": path},
        )


def holdfast_server(
    home: Home, scratch: Path, environment: Mapping[str, str]
) -> AbstractContextManager[ServerProcess]:
    """``holdfast serve`` of any home."""
    return server_process(
        _python("commands.main", "serve", "--home", str(home.root), "--port", "{port}"),
        "/readyz",
        scratch / "holdfast.log",
        environment,
    )


@dataclass(frozen=True)
class Dialect:
    """How a server is asked about customers, and answers.

    Parameters
    ----------
    ask : callable
        From ids to a call.
    read : callable
        From the body of the answer to probabilities, in the order asked. It raises RuntimeError
        where reasons were asked for and not given.
    """

    ask: Callable[[Sequence[str]], Call]
    read: Callable[[bytes], list[float]]


def holdfast_dialect(reasons: int) -> Dialect:
    """Of holdfast's service."""
    return Dialect(
        lambda ids: _call("/v1/predictions", {"customer_ids": list(ids), "reasons": reasons}),
        lambda body: _probabilities(json.loads(body)["predictions"], reasons),
    )


def plain_stack_dialect(reasons: int) -> Dialect:
    """Of the plain stack."""
    return Dialect(
        lambda ids: _call("/predict", {"ids": list(ids), "reasons": reasons}),
        lambda body: _probabilities(json.loads(body), reasons),
    )


def mlflow_frame_dialect(features: Sequence[str], rows: Mapping[str, Sequence[float]]) -> Dialect:
    """Of MLflow, to which rows are sent as its documentation sends a table."""

    def ask(ids: Sequence[str]) -> Call:
        frame = {"columns": list(features), "data": [rows[one] for one in ids]}
        return _call("/invocations", {"dataframe_split": frame})

    return Dialect(ask, _mlflow_predictions)


def mlflow_array_dialect(rows: Mapping[str, Sequence[float]]) -> Dialect:
    """Of MLflow, to which rows are sent as a bare array, which spares it a data frame."""
    return Dialect(
        lambda ids: _call("/invocations", {"inputs": [rows[one] for one in ids]}),
        _mlflow_predictions,
    )


def _probabilities(predictions: list[dict[str, Any]], reasons: int) -> list[float]:
    """Probabilities of predictions, of which each must have reasons if these were asked for."""
    if any(bool(one["reasons"]) != bool(reasons) for one in predictions):
        raise RuntimeError(f"{reasons} reasons were asked for, and not given")
    return [one["probability"] for one in predictions]


def _mlflow_predictions(body: bytes) -> list[float]:
    predictions: list[float] = json.loads(body)["predictions"]
    return predictions


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _call(path: str, document: object) -> Call:
    return Call(path, json.dumps(document).encode())
