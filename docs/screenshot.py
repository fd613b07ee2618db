"""Takes the pictures of the README from a demo of its own: `make screenshot`."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from image_tracing_postgres.embedded import EmbeddedPostgres
from image_tracing_postgres.store import Store

IMAGES: Final = Path(__file__).parent / "images"
# A lesson whose chain is long enough to show what a fallback costs.
LESSON: Final = "lesson-036-bridges"
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    """Run the demo in a folder of its own, and photograph the list and one generation."""
    with tempfile.TemporaryDirectory(prefix="image-tracing-", ignore_cleanup_errors=True) as folder:
        postgres = EmbeddedPostgres(Path(folder))
        try:
            conninfo = postgres.start()
            _run_once(folder)
            with Store(conninfo) as store, _demo(folder) as address, _browser() as page:
                _photograph_list(page, address, store)
                _photograph_trace(page, address, store)
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
    deadline = time.monotonic() + 60
    while not any(trace.status == "started" for trace in store.list(limit=1)):
        if time.monotonic() > deadline:
            raise RuntimeError("wanted a generation that grows, found none; make demo tells why")
        time.sleep(0.2)
    page.goto(address)
    page.screenshot(path=IMAGES / "list.png")


def _photograph_trace(page: Page, address: str, store: Store) -> None:
    [trace] = store.list(lesson_id=LESSON, limit=1)
    page.goto(f"{address}/{trace.id}")
    page.screenshot(path=IMAGES / "trace.png")


if __name__ == "__main__":
    main()
