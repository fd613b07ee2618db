"""A Celery application whose task paints a picture; run as a program it asks for so many of them."""

import os
import sys
from importlib import import_module
from typing import Any

from faults.generations import MODELS, paint
from faults.stacks import Tracing, tracing_from_environment

_FOLDER = os.environ["FAULTS_BROKER"]

# Without types of its own.
_celery: Any = import_module("celery")
app = _celery.Celery(
    "faults",
    broker="filesystem://",
    broker_transport_options={
        "data_folder_in": _FOLDER,
        "data_folder_out": _FOLDER,
        "control_folder": _FOLDER + "-control",
    },
    task_ignore_result=True,
    worker_hijack_root_logger=False,
)
# As most programs do it: where the module is imported, before the workers are forked.
_tracing: Tracing | None = None if __name__ == "__main__" else tracing_from_environment()


def _paint() -> None:
    paint(MODELS[1], "a lighthouse")
    if _tracing is not None:
        _tracing.tally.tell()


task = app.task(name="faults.paint")(_paint)

if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        app.send_task("faults.paint")
