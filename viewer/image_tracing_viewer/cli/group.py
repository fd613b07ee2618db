"""The group of commands: imports each when it is called, and turns expected errors into exit codes."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import click

from image_tracing.errors import ImageTracingError
from image_tracing_viewer.__main__ import missing_extra

FAILED: Final = 1
QUARANTINED: Final = 3
NOT_FOUND: Final = 4
INTERRUPTED: Final = 130


class FailedError(click.ClickException):
    """The command could not do what it was asked to; the message goes to standard error in one piece."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:
        """Write the message with its control characters escaped: it may quote what a stranger wrote."""
        from image_tracing_viewer.cli.text import printable

        click.echo(click.style("error: ", fg="red", bold=True) + printable(self.message), file=file, err=True)


class NotFoundError(FailedError):
    """There is no trace with this id."""

    exit_code = NOT_FOUND


class Commands(click.Group):
    """Commands by name, each in a module of this package that holds a `click.Command` of that name."""

    def __init__(self, *, name: str, help: str, modules: Mapping[str, str]) -> None:  # noqa: A002 (click's own word)
        super().__init__(name=name, help=help, context_settings={"help_option_names": ["-h", "--help"]})
        self._modules = modules
        click.version_option(version("image-tracing"), prog_name="image-tracing")(self)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click gives it)
        """The names in the order in which one meets the commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        module = self._modules.get(cmd_name)
        if module is None:
            return None
        found = getattr(import_module(f"{__package__}.{module}"), cmd_name.replace("-", "_"))
        if not isinstance(found, click.Command):
            raise TypeError(f"wanted a command {cmd_name!r} in {module}, found {type(found).__name__}")
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what may go wrong in daily use ends with a sentence, the rest with a traceback."""
        try:
            return super().invoke(ctx)
        except ImageTracingError as error:
            raise FailedError(str(error)) from error
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("image_tracing"):
                raise
            raise FailedError(missing_extra(error).removeprefix("image-tracing: ")) from error
        except KeyboardInterrupt:
            # The shell has written ^C without a line end.
            click.echo(err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
