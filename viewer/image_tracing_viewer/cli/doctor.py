"""`image-tracing doctor`."""

import json
from collections.abc import Iterable
from dataclasses import asdict

import click

from image_tracing_viewer.cli.group import FAILED
from image_tracing_viewer.cli.options import as_json, database_url
from image_tracing_viewer.cli.tables import is_terminal, print_table
from image_tracing_viewer.cli.text import printable
from image_tracing_viewer.diagnosis import findings
from image_tracing_viewer.finding import Finding


@click.command()
@as_json
@database_url
def doctor(*, as_json: bool, database_url: str | None) -> None:
    """Look at everything that tracing and viewing rest on, and say what to do about what is wrong.

    Starts and changes nothing. Exit code 1 if something is wrong.

    \b
    Example:
      image-tracing doctor
    """
    found = list(findings(database_url))
    if as_json:
        for finding in found:
            click.echo(json.dumps(asdict(finding)))
    elif is_terminal():
        _print(found)
    else:
        for finding in found:
            click.echo(f"{finding.verdict}\t{finding.subject}\t{finding.found}\t{finding.next_step}")
    if any(finding.verdict == "wrong" for finding in found):
        raise click.exceptions.Exit(FAILED)


def _print(found: Iterable[Finding]) -> None:
    """One line each, its verdict in colour."""
    from rich.table import Table
    from rich.text import Text

    styles = {"good": "green", "note": "yellow", "wrong": "bold red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in found:
        told = Text(printable(finding.found))
        if finding.next_step:
            told.append(f"\n-> {finding.next_step}", style=styles[finding.verdict])
        table.add_row(Text(finding.verdict, style=styles[finding.verdict]), finding.subject, told)
    print_table(table)
