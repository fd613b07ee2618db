"""What `import image_tracing` costs above importing `opentelemetry.trace` alone.

Each figure is one fresh interpreter's own clock around its imports, byte-compiled as installed packages
are; the three alternate within one run.

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
    "json and inspect": "import json, inspect",
}


def import_ms(statement: str) -> float:
    code = f"import time; begun = time.perf_counter(); {statement}; print(time.perf_counter() - begun)"
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
        print(f"{name:22} {value:7.1f} ms")
    ratio = medians["image_tracing"] / medians["opentelemetry.trace"]
    print(f"{'ratio':22} {ratio:7.3f} at most {LIMIT_RATIO}")
    return 0 if ratio <= LIMIT_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
