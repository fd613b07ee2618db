import gzip
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp.inflation import inflated
from image_tracing_viewer.otlp.limits import INFLATED_MAX_BYTES

BOMB = """
import resource, sys, time
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp.inflation import inflated
body = open(sys.argv[1], "rb").read()
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
try:
    inflated(body)
except RequestError as error:
    took = time.monotonic() - began
    print(error.status_code, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("body", [b"", b"a", bytes(3_000_000), bytes(range(256)) * 1_000])
def test_what_was_compressed_comes_back(body: bytes) -> None:
    assert inflated(gzip.compress(body)) == body


def test_a_body_of_the_size_of_the_ceiling_is_taken() -> None:
    assert len(inflated(gzip.compress(bytes(INFLATED_MAX_BYTES), 1))) == INFLATED_MAX_BYTES


def test_a_body_of_one_byte_more_is_refused() -> None:
    with pytest.raises(RequestError, match="inflates to more than 67108864 bytes") as caught:
        inflated(gzip.compress(bytes(INFLATED_MAX_BYTES + 1), 1))

    assert caught.value.status_code == 413


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_a_bomb_is_refused_soon_within_100_mb(tmp_path: Path) -> None:
    compressor = zlib.compressobj(9, wbits=31)
    megabyte = bytes(1024 * 1024)
    bomb = b"".join(compressor.compress(megabyte) for _ in range(1024)) + compressor.flush()
    (tmp_path / "bomb").write_bytes(bomb)

    ran = subprocess.run(
        [sys.executable, "-c", BOMB, str(tmp_path / "bomb")], capture_output=True, text=True, check=True
    )

    status, seconds, growth_kb = map(float, ran.stdout.split())
    # benchmarks/receiver.py holds the second that is promised; here it is a guard only.
    assert (status, seconds <= 10, growth_kb <= 100_000) == (413, True, True), ran.stdout


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "ends too early"),
        (b"plain", "and it is not"),
        (gzip.compress(b"a" * 1_000)[:-1], "ends too early"),
        (gzip.compress(b"a" * 1_000)[:-4] + b"1234", "and it is not"),
        (gzip.compress(b"a") + b"b", "something follows its end"),
        (gzip.compress(b"a") + gzip.compress(b"b"), "something follows its end"),
        (gzip.compress(b"a") + bytes(100_000), "something follows its end"),
        (zlib.compress(b"a"), "and it is not"),
    ],
    # Not by the bytes: a gzip header holds the time, and workers that collect in two seconds would differ.
    ids=["empty", "plain", "cut", "another sum", "a byte behind", "two members", "zeros behind", "zlib"],
)
def test_what_is_no_gzip_is_told(body: bytes, told: str) -> None:
    with pytest.raises(RequestError, match=told) as caught:
        inflated(body)

    assert (caught.value.status_code, caught.value.code) == (400, "malformed_body")
