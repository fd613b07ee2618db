"""Chromium of the system, driven over a real server, with an eye on everything that must never happen."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Route,
    sync_playwright,
)

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Opened = Callable[..., Page]


def _executable() -> str:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None and _MACOS.exists():
        found = str(_MACOS)
    if found is None:
        pytest.fail(
            f"the browser tests need Chromium; none of {', '.join(_NAMES)} is on the PATH; "
            "install it with: sudo apt-get install -y chromium (macOS: brew install --cask google-chrome)"
        )
    return found


# Not for the session: as long as Playwright runs, no test in the same thread can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Chromium refuses its own sandbox to root.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_executable(), args=[*_QUIET, *sandbox])
        yield browser
        browser.close()


class Watch:
    """What went wrong in a browser: console errors, broken policies, dialogs, requests to anywhere else."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.expected: list[str] = []
        self.faults: list[str] = []

    def on(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("dialog", self._dialog)
        page.on("popup", lambda popup: self.faults.append(f"popup: {popup.url}"))
        page.on("request", self._request)

    def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in self.expected):
            self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.netloc != self._host and address.scheme not in ("blob", "about"):
            self.faults.append(f"request to another host: {request.url}")


@pytest.fixture
def watch(address: str) -> Iterator[Watch]:
    watch = Watch(urlsplit(address).netloc)
    yield watch
    assert watch.faults == []


@pytest.fixture
def opened(browser: Browser, address: str, watch: Watch) -> Iterator[Opened]:
    """Opens a path of the viewer in a fresh profile; further keywords go to it (`color_scheme`, ...)."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/traceImage", *, width: int = 1280, height: int = 800, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        watch.on(page)
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def blocked() -> Callable[[Route], None]:
    """A route that answers nothing, as a proxy that cuts long connections would."""
    return lambda route: route.abort()


@pytest.fixture
def chain(rows: Any) -> Callable[..., UUID]:
    """A generation with a failed attempt and one that served; `minutes_ago` and any column can be given."""

    def add(*, minutes_ago: float = 0, attempts: list[dict[str, Any]] | None = None, **columns: Any) -> UUID:
        began_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        image = {
            "index": 0,
            "mime_type": "image/png",
            "width": 1024,
            "height": 1024,
            "dataSize": 212_272,
            "sha256": "ab" * 32,
            "url": "https://cdn.example.org/1.png",
        }
        if attempts is None:
            attempts = [
                {
                    "model": "black-forest-labs/FLUX.1-dev",
                    "provider": "huggingface",
                    "success": False,
                    "outcome": "error",
                    "error_class": "rate_limited",
                    "error": "429 Too Many Requests",
                    "duration_ms": 1_000,
                    "started_at": began_at,
                },
                {
                    "model": "stabilityai/sdxl-turbo",
                    "provider": "huggingface",
                    "duration_ms": 2_000,
                    "started_at": began_at + timedelta(seconds=2),
                    "options": {"width": 1024, "guidance_scale": 7.5},
                    "images": [image],
                },
            ]
        plain = {
            "created_at": began_at,
            "lesson_id": "lesson-1",
            "service_name": "lessons",
            "models_tried": [attempt.get("model", "flux") for attempt in attempts],
            "model_used": "stabilityai/sdxl-turbo",
            "total_duration_ms": 4_000,
            "completed_at": began_at + timedelta(seconds=4),
        }
        id_: UUID = rows.add(attempts=attempts, **plain | columns)
        return id_

    return add
