"""The generator's process, as the viewer sees it: started, listened to, ended."""

import os
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from image_tracing.errors import ImageTracingError

SERVICE: Final = "image-tracing-demo"
_PATIENCE_SECONDS: Final = 5


class GeneratorError(ImageTracingError):
    """The generator ended with an error of its own."""


class GeneratorProcess:
    """`python -m image_tracing_viewer.demo`; it ends with this context, or when this process does.

    `database_url` None leaves it to the settings, so that its spool is the one of whoever reads by them.
    """

    def __init__(
        self, *, database_url: str | None, count: int, goes_on: bool, has_past: bool = False
    ) -> None:
        command = [sys.executable, "-m", __package__, "--count", str(count)]
        command += ["--go-on"] if goes_on else []
        command += ["--past"] if has_past else []
        # Not on the command line, where other users of the machine could read a password.
        given = {} if database_url is None else {"IMAGE_TRACING_DATABASE_URL": database_url}
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **given},
            text=True,
            # An interruption at the terminal is for the viewer, which then ends the generator.
            process_group=0,
        )
        self._is_ending = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_ending = True
        if self._process.stdin:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def ended_lessons(self) -> Iterator[str]:
        """A line for each lesson that ended, until the process ends.

        Raises:
            GeneratorError: it ended with another exit code than 0.
        """
        assert self._process.stdout is not None  # noqa: S101 (it was asked for above)
        yield from self._process.stdout
        code = self._process.wait()
        if code and not self._is_ending:
            raise GeneratorError(
                f"wanted the demo's generator to run, but it ended with code {code}; "
                "its own message is above, and image-tracing doctor looks for the cause"
            )
