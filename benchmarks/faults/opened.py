"""A process that begins a generation, ends two attempts of it, and stays until it is killed."""

import sys
import threading
import time
from contextlib import suppress

from faults.generations import MODELS, paint
from faults.order import Order
from faults.stacks import Tracing, say
from image_tracing import generation

if __name__ == "__main__":
    tracing = Tracing(Order.read(sys.argv[1]))
    began_at = time.monotonic()
    with generation(name="illustrate", lesson_id="lesson-1"):
        say(event="open", at=began_at)
        for model in MODELS:
            with suppress(TimeoutError):
                paint(model, "a lighthouse")
            tracing.tally.tell()
        say(event="attempted", at=time.monotonic())
        threading.Event().wait()
