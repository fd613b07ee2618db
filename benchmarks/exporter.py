"""Spans to committed rows by PostgresSpanExporter, beside COPY of the same rows straight into the tables.

Each round makes its own spans (a root, a failed and a good attempt, 500-character prompt, 15 parameters) as
it goes, gives them to both ways in turn on fresh, migrated databases of one server with fsync on, and counts
the rows afterwards. The exporter starts from spans and is idempotent; the floor has its rows ready. Run with:

    python benchmarks/exporter.py [--traces 20000] [--batch 2048] [--rounds 5] [--server CONNINFO]
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import psycopg
from databases import database_on, server_for
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from image_tracing import attributes as names
from image_tracing_postgres import PostgresSpanExporter, rows_from
from image_tracing_postgres.merge import copied
from image_tracing_postgres.statements import statement

_MODELS = ["black-forest-labs/FLUX.1-schnell", "stabilityai/sdxl", "google/imagen-4", "openai/gpt-image-2"]
_RESOURCE = Resource.create({"service.name": "benchmark"})
# A seed that no round has.
_WARM_UP = 1_000_000
# As our instrumentation writes it.
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SCOPE = InstrumentationScope(names.SCOPE)


class Language:
    """Prompts whose words are as unevenly spread as in real text."""

    def __init__(self, chance: random.Random, vocabulary: int = 8_000) -> None:
        self._chance = chance
        self._words = [
            "".join(chance.choices("abcdefghijklmnoprstuvwz", k=chance.randint(2, 9)))
            for _ in range(vocabulary)
        ]
        total = 0.0
        self._weights = []
        for rank in range(vocabulary):
            total += 1 / (rank + 3)
            self._weights.append(total)

    def prompt(self, length: int = 500) -> str:
        words = self._chance.choices(self._words, cum_weights=self._weights, k=length // 5)
        return " ".join(words)[:length]


Batch = Sequence[ReadableSpan]


def batches_of(count: int, size: int, seed: int) -> Iterator[Batch]:
    """The spans of so many generations in batches, each made when it is asked for."""
    chance = random.Random(seed)
    language = Language(chance)
    start = time.time_ns() - count * 10_000_000
    batch: list[ReadableSpan] = []
    for i in range(count):
        batch += _generation(chance, language.prompt(), start + i * 10_000_000)
        while len(batch) >= size:
            yield batch[:size]
            del batch[:size]
    if batch:
        yield batch


def _generation(chance: random.Random, prompt: str, at: int) -> Iterator[ReadableSpan]:
    root = SpanContext(chance.getrandbits(128), chance.getrandbits(64), False, TraceFlags(1))
    lesson = f"lesson-{chance.randrange(1000)}"
    models = chance.sample(_MODELS, 2)
    for number, model in enumerate(models, start=1):
        context = SpanContext(root.trace_id, chance.getrandbits(64), False, TraceFlags(1))
        attributes: dict[str, AttributeValue] = {
            names.OPERATION_NAME: names.GENERATE_CONTENT,
            names.OUTPUT_TYPE: names.IMAGE,
            names.PROVIDER_NAME: "huggingface",
            names.REQUEST_MODEL: model,
            names.PROMPT: prompt,
            names.REQUEST: _written({f"parameter_{i}": chance.random() for i in range(15)}),
            names.LESSON_ID: lesson,
            names.ATTEMPT_NUMBER: number,
            names.GENERATION_ID: f"{root.span_id:016x}",
            names.ROLE: names.ROLE_ATTEMPT,
        }
        if number == 1:
            message = (
                "HfHubHTTPError: 503 Server Error: Service Temporarily Unavailable; the model is loading " * 2
            )
            attributes |= {
                names.OUTCOME: "error",
                names.ERROR_TYPE: "HfHubHTTPError",
                names.ERROR_CATEGORY: "model_loading",
                names.ERROR_MESSAGE: message,
            }
            status = Status(StatusCode.ERROR, message)
        else:
            picture = {
                "index": 0,
                "mime_type": "image/png",
                "width": 1024,
                "height": 1024,
                "dataSize": 212_272,
                "sha256": f"{chance.getrandbits(256):064x}",
                "url": None,
            }
            attributes |= {
                names.OUTCOME: "ok",
                names.IMAGES_GENERATED: 1,
                names.IMAGES: _written([picture]),
                names.IMAGE_BYTES: (212_272,),
                names.IMAGE_MIME_TYPES: ("image/png",),
            }
            status = Status()
        yield ReadableSpan(
            name=f"generate_content {model}",
            context=context,
            parent=root,
            resource=_RESOURCE,
            attributes=attributes,
            kind=SpanKind.CLIENT,
            status=status,
            start_time=at + number * 1_000_000,
            end_time=at + number * 3_000_000,
            instrumentation_scope=_SCOPE,
        )
    yield ReadableSpan(
        name="invoke_workflow illustrate",
        context=root,
        resource=_RESOURCE,
        instrumentation_scope=_SCOPE,
        attributes={
            names.OPERATION_NAME: names.INVOKE_WORKFLOW,
            names.WORKFLOW_NAME: "illustrate",
            names.LESSON_ID: lesson,
            names.REQUEST: _written({"prompts": [prompt], "numberOfImages": 1}),
            names.RESPONSE: _written({"generatedImagesCount": 1, "imageUrls": ["https://example.org/1.png"]}),
            names.MODELS_TRIED: models,
            names.MODEL_USED: models[1],
            names.GENERATION_ID: f"{root.span_id:016x}",
            names.ROLE: names.ROLE_GENERATION,
        },
        start_time=at,
        end_time=at + 9_000_000,
    )


def seconds_of_exporter(conninfo: str, batches: Iterator[Batch]) -> float:
    exporter = PostgresSpanExporter(conninfo)
    exporter.export(next(batches_of(1, 3, _WARM_UP)))
    seconds = 0.0
    for batch in batches:
        began = time.perf_counter()
        result = exporter.export(batch)
        seconds += time.perf_counter() - began
        assert result is SpanExportResult.SUCCESS
    exporter.shutdown()
    return seconds


def seconds_of_copy(conninfo: str, batches: Iterator[Batch]) -> float:
    """The floor: the rows are ready, and nothing looks whether they are there already."""
    now = datetime.now(UTC).isoformat()
    seen: set[str] = set()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        copy_rows(connection, next(batches_of(1, 3, _WARM_UP)), now, seen)
        return sum(copy_rows(connection, batch, now, seen) for batch in batches)


def copy_rows(connection: psycopg.Connection, batch: Batch, now: str, seen: set[str]) -> float:
    rows = rows_from(batch)
    # A generation that spans two batches has its row already.
    traces = [copied(trace, now) for trace in rows.traces if trace.id not in seen]
    attempts = [(trace_id, *attempt) for trace_id, attempt in rows.attempts]
    seen.update(rows.ids)
    began = time.perf_counter()
    with connection.transaction(), connection.cursor() as cursor:
        for name, values in (("copy_traces", traces), ("copy_attempts", attempts)):
            with cursor.copy(statement(name)) as copy:
                for row in values:
                    copy.write_row(row)
    return time.perf_counter() - began


def check(conninfo: str, traces: int) -> None:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM image_traces), (SELECT count(*) FROM image_attempts)"
        ).fetchone()
    assert row == (traces, 2 * traces), row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=2_048, help="spans given to one export()")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--server", help="conninfo of a server with fsync on; default: an embedded one, made for this"
    )
    arguments = parser.parse_args()
    with server_for(arguments.server) as server:
        run(server, arguments)


def run(server: str, arguments: argparse.Namespace) -> None:
    with psycopg.connect(server) as connection:
        print(
            connection.info.parameter_status("server_version"),
            "fsync",
            connection.execute("SHOW fsync").fetchall()[0][0],
        )
    ways: dict[str, Callable[[str, Iterator[Batch]], float]] = {
        "exporter": seconds_of_exporter,
        "copy": seconds_of_copy,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(arguments.rounds):
        for name in sorted(ways, reverse=turn % 2 == 1):
            with database_on(server) as conninfo:
                rates[name].append(
                    arguments.traces
                    / ways[name](conninfo, batches_of(arguments.traces, arguments.batch, turn))
                )
                check(conninfo, arguments.traces + 1)
        print(f"round {turn + 1}:", *(f"{name} {rates[name][-1]:,.0f}/s" for name in ways), flush=True)
    for name, found in rates.items():
        print(
            f"{name}: median {statistics.median(found):,.0f} traces/s ({min(found):,.0f}..{max(found):,.0f})"
        )
    ratio = statistics.median(a / b for a, b in zip(rates["exporter"], rates["copy"], strict=True))
    print(f"ratio exporter / copy: {ratio:.2f} (wanted: at least 0.50, and at least 5,000 traces/s)")


if __name__ == "__main__":
    main()
