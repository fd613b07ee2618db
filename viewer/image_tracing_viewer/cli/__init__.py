"""The command line: a module a command, imported when it is called, so that each starts quickly."""

from image_tracing_viewer.cli.group import Commands

__all__ = ["cli"]

_HELP = """See every model attempt behind every generated picture.

\b
Exit codes: 0 done, 1 failed (the database could not be reached, say),
2 wrong usage, 3 drained but for what the database cannot take,
4 there is no such trace, 130 interrupted.
"""

cli = Commands(
    name="image-tracing",
    help=_HELP,
    modules={
        "demo": "demo",
        "serve": "serve",
        "migrate": "migrate",
        "doctor": "doctor",
        "list": "list",
        "show": "show",
        "tail": "tail",
        "stats": "stats",
        "export": "export",
        "delete": "delete",
        "drain": "drain",
        "database-url": "database",
        "stop": "database",
    },
)
