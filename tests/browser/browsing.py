"""The system's Chromium through playwright, watched: what it fetched, what its console said."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_MS = 20_000


def executable() -> str | None:
    """Where the browser is."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def require_browser() -> str:
    """Where the browser is; skips the test where there is none, unless this is CI."""
    found = executable()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing; ./tiaas test installs it as root")
        pytest.skip("chromium is missing (apt-get install chromium)")
    return found


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """A headless browser. Its sandbox needs rights that root in a container does not have."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@dataclass
class Watched:
    """A page and what happened in it. `expected` are HTTP failures that a test provokes on purpose."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def check(self, url: str) -> None:
        """No error in the console, nothing fetched from elsewhere than `url`."""
        assert self.complaints == []
        assert self.hosts == {urlsplit(url).netloc}


@contextmanager
def watched(opened: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """`url` in a fresh context; at the end everything that went wrong in it fails the test."""
    context: BrowserContext = opened.new_context(**{"locale": "de-DE", **options})
    context.set_default_timeout(WAIT_MS)
    seen = Watched(context.new_page())
    page = seen.page
    page.on("request", lambda request: seen.hosts.add(urlsplit(request.url).netloc))
    page.on("console", lambda said: seen.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("requestfailed", lambda request: _note_failure(seen, request))
    try:
        page.goto(url)
        yield seen
        seen.check(url)
    finally:
        context.close()


def _note_failure(seen: Watched, request: Request) -> None:
    # The browser itself gives up what a page was fetching when the page is left; a refused connection or a broken
    # answer has another name. A stream is cut when its page or its server ends.
    if request.failure != "net::ERR_ABORTED" and not request.url.endswith("/live"):
        seen.complaints.append(f"failed: {request.url} ({request.failure})")
