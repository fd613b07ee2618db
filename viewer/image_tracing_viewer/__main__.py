"""The console script `image-tracing`; says which extra to install when what it needs is not there."""

import sys
from typing import Final

_EXTRAS: Final = {"PIL": "demo", "huggingface_hub": "demo", "pyarrow": "parquet"}


def main() -> None:
    """Run the command line; ends the process with its exit code."""
    try:
        from image_tracing_viewer.cli import cli
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("image_tracing"):
            raise
        sys.exit(missing_extra(error))
    cli(prog_name="image-tracing")


def missing_extra(error: ModuleNotFoundError) -> str:
    """The sentence that tells which extra brings the module that is missing."""
    extra = _EXTRAS.get(error.name or "", "viewer")
    return (
        f"image-tracing: wanted the Python package {error.name!r}, but it is not installed; "
        f"install it with: pip install 'image-tracing[{extra}]'"
    )


if __name__ == "__main__":
    main()
