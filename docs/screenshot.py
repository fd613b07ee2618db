"""Takes the pictures of the README from a demo of its own: `make screenshot`."""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from image_tracing_postgres.embedded import EmbeddedPostgres
from image_tracing_postgres.store import Store

IMAGES: Final = Path(__file__).parent / "images"
# A lesson whose chain is long enough to show what a fallback costs.
LESSON: Final = "lesson-036-bridges"
# Down to the charts of models over time.
_DASHBOARD_HEIGHT: Final = 1378
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    """Run the demo in a folder of its own, and photograph the list, one generation and the dashboard."""
    with tempfile.TemporaryDirectory(prefix="image-tracing-", ignore_cleanup_errors=True) as folder:
        postgres = EmbeddedPostgres(Path(folder))
        try:
            conninfo = postgres.start()
            _run_once(folder)
            with Store(conninfo) as store, _demo(folder) as address, _browser() as page:
                _photograph_list(page, address, store)
                _photograph_trace(page, address, store)
                _photograph_dashboard(page, address, store)
        finally:
            postgres.stop()


def _run_once(folder: str) -> None:
    command = [sys.executable, "-m", "image_tracing_viewer", "demo", "--once"]
    subprocess.run(command, env={**os.environ, "IMAGE_TRACING_DATA_DIR": folder}, check=True)  # noqa: S603


@contextmanager
def _demo(folder: str) -> Iterator[str]:
    command = [sys.executable, "-m", "image_tracing_viewer", "demo", "--port", "0"]
    environment = {**os.environ, "IMAGE_TRACING_DATA_DIR": folder}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demo:  # noqa: S603
        found = re.search(r"http://\S+", demo.stdout.readline() if demo.stdout else "")
        if found is None:
            raise RuntimeError("wanted the demo's address, found none; run it by hand: image-tracing demo")
        yield found[0]
        demo.terminate()


@contextmanager
def _browser() -> Iterator[Page]:
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 800}, device_scale_factor=1.5, color_scheme="light"
        )
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def _photograph_list(page: Page, address: str, store: Store) -> None:
    """While a live generation grows, so that all three states are on it."""
    _wait_for("a generation that grows", lambda: store.list(limit=1)[0].status == "started")
    page.goto(address)
    page.screenshot(path=IMAGES / "list.png")


def _photograph_trace(page: Page, address: str, store: Store) -> None:
    [trace] = store.list(lesson_id=LESSON, limit=1)
    page.goto(f"{address}/{trace.id}")
    page.screenshot(path=IMAGES / "trace.png")


def _photograph_dashboard(page: Page, address: str, store: Store) -> None:
    """With the demo's past, whose last day is yesterday."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    _wait_for("yesterday", lambda: store.list(from_=today - timedelta(days=1), to=today, limit=1))
    store.refresh_stats(seconds=60)
    page.set_viewport_size({"width": 1280, "height": _DASHBOARD_HEIGHT})
    page.goto(f"{address}/stats?tz=UTC")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # It has few colours, and is a third as large with a palette.
    picture.quantize(256, dither=Image.Dither.NONE).save(IMAGES / "dashboard.png", optimize=True)


def _wait_for(wanted: str, is_there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not is_there():
        if time.monotonic() > deadline:
            raise RuntimeError(f"wanted {wanted}, found none; make demo tells why")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
