"""The demo's generator as a program of its own: `python -m image_tracing_viewer.demo --help`.

It is a process apart from the viewer, as a generator is in real life, and because huggingface_hub reads its
settings when it is imported. One line on standard output tells of each lesson that ended.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import count as numbers
from itertools import cycle, islice
from typing import Final, NoReturn

import click

from .answers import answer_to
from .lessons import Lesson, lessons
from .model_server import ModelServer

_THREADS: Final = 6
_SECONDS_BETWEEN_LESSONS: Final = 4.0
# Live lessons take about as long as real ones, so that their rows are seen while they grow.
_LIVE_PACE: Final = 10.0
_ABANDONED_PACE: Final = 60.0
_ABANDONED_SECONDS: Final = 20.0
_LIVE_TIMEOUT_SECONDS: Final = 8.0


@click.command()
@click.option("--count", default=38, show_default=True, help="Lessons to illustrate at once.")
@click.option("--go-on", is_flag=True, help="Then illustrate one now and then, until standard input ends.")
@click.option("--past", is_flag=True, help="Also record what was made on the days before.")
@click.option("--abandon", is_flag=True, hidden=True, help="Be the process that is killed half way.")
def main(count: int, *, go_on: bool, past: bool, abandon: bool) -> None:
    """Illustrate lessons with models that fail as real ones do, and record it."""
    # An end that is asked for still cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory() as home:
        if abandon:
            _abandon_a_lesson(home)
        with ModelServer() as server:
            _stay_local(server.url, home)
            _record()
            with _process_that_abandons_a_lesson() if count else nullcontext():
                _illustrate_all(islice(lessons(), count))
            _flush()
        if past:
            _remember_the_past()
        if go_on:
            with ModelServer(seed=1, pace=_LIVE_PACE) as server:
                _stay_local(server.url, home)
                _record()
                _illustrate_until(_end_of_input())


def _stay_local(url: str, home: str) -> None:
    """Keep huggingface_hub from the internet, from the user's own token, and from a proxy for loopback."""
    os.environ["DEMO_MODELS_URL"] = os.environ["HF_ENDPOINT"] = url
    os.environ["HF_HOME"] = home
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


def _record() -> None:
    import image_tracing_postgres

    image_tracing_postgres.configure(service_name="image-tracing-demo")


def _flush() -> None:
    from opentelemetry import trace

    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush:
        flush()


def _illustrate_all(several: Iterable[Lesson]) -> None:
    from image_tracing import in_context

    with ThreadPoolExecutor(_THREADS) as threads:
        for told in threads.map(in_context(_illustrate), several):
            click.echo(told)


def _remember_the_past() -> None:
    # Only now: it imports huggingface_hub, which reads its settings then.
    from image_tracing_postgres.store import Store

    from .past import remember

    with Store() as store:
        remember(store, datetime.now(UTC))


def _process_that_abandons_a_lesson() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", __package__, "--abandon"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 (our own program)


def _abandon_a_lesson(home: str) -> NoReturn:
    """Die without a word while the second model draws, as a worker does that runs out of memory."""
    from image_tracing_postgres.store import Store

    lesson = Lesson(
        f"lesson-000-abandoned-{os.getpid()}", ["A lighthouse in a storm"], "flat vector illustration"
    )
    with (
        ModelServer(
            seed=_seed_of_one_failure(f"{lesson.prompts[0]}, {lesson.style}"), pace=_ABANDONED_PACE
        ) as server,
        Store() as store,
    ):
        _stay_local(server.url, home)
        _record()
        threading.Thread(target=_illustrate, args=[lesson], kwargs={"timeout": 60.0}, daemon=True).start()
        deadline = time.monotonic() + _ABANDONED_SECONDS
        while time.monotonic() < deadline:
            _flush()
            if any(trace.attempts for trace in store.list(lesson_id=lesson.lesson_id, limit=1)):
                break
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process went on")


def _seed_of_one_failure(prompt: str) -> int:
    """A seed with which the first model fails and the second draws."""
    from .generator import MODELS

    (first, _), (second, _), *_ = MODELS
    return next(
        seed
        for seed in numbers()
        if answer_to(first, prompt, seed=seed).kind == "loading"
        and answer_to(second, prompt, seed=seed).kind == "picture"
    )


def _end_of_input() -> threading.Event:
    """Set once standard input has ended, as it does when the process at its other end has gone."""
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


def _illustrate_until(ended: threading.Event) -> None:
    for number, lesson in enumerate(cycle(lessons()), start=1):
        again = Lesson(f"{lesson.lesson_id}-{number}", lesson.prompts, lesson.style)
        click.echo(_illustrate(again, timeout=_LIVE_TIMEOUT_SECONDS))
        if ended.wait(_SECONDS_BETWEEN_LESSONS):
            return


def _illustrate(lesson: Lesson, *, timeout: float = 2.0) -> str:
    from .generator import NoModelLeftError, illustrate

    try:
        pictures = illustrate(lesson.lesson_id, list(lesson.prompts), style=lesson.style, timeout=timeout)
    except NoModelLeftError as error:
        return f"{lesson.lesson_id}: {error}"
    return f"{lesson.lesson_id}: {len(pictures)} of {len(lesson.prompts)} pictures"


if __name__ == "__main__":
    main()
