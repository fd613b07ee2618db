"""The dashboard in Chromium: how long until its page is complete, and whether the browser finds a fault.

Each time a fresh profile opens the page, so that nothing is kept from before; what counts is the browser's
own time from the beginning of the navigation to the end of its load event. `server`: of it until the first
byte came; `kB`: the page without its styles and scripts. The databases: stats.py.

    python benchmarks/dashboard.py [--attempts 100000,10000000] [--pages 20] [--folder F | --server CONNINFO]
"""

import argparse
import os
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from databases import server_for
from playwright.sync_api import Browser, Request, sync_playwright
from stats import database_of
from viewer import served

_BAR_MS: Final = 1_000
_RANGES: Final = ("30d", "7d", "90d", "24h", "1h")
_NAVIGATION: Final = """() => {
    const { loadEventEnd, responseStart, decodedBodySize } = performance.getEntriesByType("navigation")[0];
    return loadEventEnd > 0 && [loadEventEnd, responseStart, decodedBodySize];
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of the system."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("Chromium is needed; install it with: sudo apt-get install -y chromium")
    # Chromium refuses its own sandbox to root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu", *sandbox])
        yield browser
        browser.close()


class Opening(NamedTuple):
    """How a page came: milliseconds until it was complete and until its first byte, and its size."""

    complete_ms: float
    server_ms: float
    size_bytes: int


def opened(browser: Browser, address: str, faults: list[str]) -> Opening:
    """Open the page in a fresh profile; console messages and requests to elsewhere are faults."""
    host = urlsplit(address).netloc

    def look_at(request: Request) -> None:
        if urlsplit(request.url).netloc != host:
            faults.append(request.url)

    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", look_at)
        page.goto(address)
        return Opening(*page.wait_for_function(_NAVIGATION).json_value())


def measure(server: str, sizes: list[int], pages: int) -> bool:
    """Prints the times; True if the bar holds and the browser found no fault."""
    faults: list[str] = []
    is_held = True
    with ExitStack() as stack:
        browser = stack.enter_context(chromium())
        for size in sizes:
            connection = stack.enter_context(served("ours", database_of(server, size)))
            for name in _RANGES:
                address = f"http://{connection.host}:{connection.port}/traceImage/stats?range={name}"
                opened(browser, address, faults)
                found = [opened(browser, address, faults) for _ in range(pages)]
                times = [each.complete_ms for each in found]
                median = statistics.median(times)
                is_held &= median <= _BAR_MS
                print(
                    f"{size:>12,} attempts, {name:>3}: p50 {median:.0f} ms, most {max(times):.0f} ms; "
                    f"server p50 {statistics.median(each.server_ms for each in found):.0f} ms, "
                    f"{found[-1].size_bytes / 1_000:.0f} kB",
                    flush=True,
                )
    print("\n".join(dict.fromkeys(faults)) or "no console message, no request to elsewhere")
    return is_held and not faults


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", default="100000,10000000", help="sizes of the databases")
    parser.add_argument("--pages", type=int, default=20, help="how often each range is opened")
    parser.add_argument("--folder", type=Path, help="keeps an embedded Postgres; else a throw-away one")
    parser.add_argument("--server", help="conninfo of a running server to use instead")
    given = parser.parse_args()
    sizes = [int(size) for size in given.attempts.split(",")]
    with server_for(given.server, given.folder) as server:
        return 0 if measure(server, sizes, given.pages) else 1


if __name__ == "__main__":
    # The oracle of stats.py is that of the tests.
    sys.path.append(str(Path(__file__).parents[1]))
    sys.exit(main())
