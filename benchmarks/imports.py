"""What `import image_tracing` costs above importing `opentelemetry.trace` alone, all instrumentors on or not.

Each figure is the CPU time of one fresh interpreter for its imports, byte-compiled as installed packages are;
they alternate within one run. SDKs are told that are in memory after `instrument()`: there must be none.

    python benchmarks/imports.py
"""

import argparse
import os
import statistics
import subprocess
import sys

LIMIT_RATIO = 1.2
STATEMENTS = {
    "opentelemetry.trace": "import opentelemetry.trace",
    "image_tracing": "import image_tracing",
    "and instrument()": "import image_tracing; image_tracing.instrument()",
    "json and inspect": "import json, inspect",
}


MEASURED = ("image_tracing", "and instrument()")
SDKS = (
    "diffusers",
    "fal_client",
    "google.genai",
    "huggingface_hub",
    "litellm",
    "openai",
    "replicate",
    "together",
)


def imported_sdks() -> list[str]:
    """Those SDKs, installed here, that are imported once everything is instrumented."""
    code = (
        "import sys, image_tracing; image_tracing.instrument(); "
        f"print(*[name for name in {SDKS!r} if name in sys.modules])"
    )
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def import_ms(statement: str) -> float:
    code = f"import time; begun = time.process_time(); {statement}; print(time.process_time() - begun)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    return float(answer.stdout) * 1000


def main() -> int:
    options = argparse.ArgumentParser(description="Measure imports in fresh interpreters.")
    options.add_argument("--rounds", type=int, default=31)
    rounds = options.parse_args().rounds
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for statement in STATEMENTS.values():
        import_ms(statement)
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            times[name].append(import_ms(statement))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:32} {value:7.1f} ms")
    ratios = [medians[name] / medians["opentelemetry.trace"] for name in MEASURED]
    for name, ratio in zip(MEASURED, ratios, strict=True):
        print(f"{'ratio, ' + name:32} {ratio:7.3f} at most {LIMIT_RATIO}")
    sdks = imported_sdks()
    print(f"SDKs imported by instrument(): {', '.join(sdks) or 'none'}")
    return 0 if max(ratios) <= LIMIT_RATIO and not sdks else 1


if __name__ == "__main__":
    sys.exit(main())
