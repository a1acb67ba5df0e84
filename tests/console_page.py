"""The operator's page in a real browser, for its tests: one Chromium for a file, one show a test.

In:  a scenario.   Out: the page it ran on; a failure when the page logged an error.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from livehost.brain.command import LOCAL, Outcome, Who
from livehost.brain.lease import Lease
from tests.browser import Page, chromium, make_stream
from tests.console_desk import FakeDesk, serving

REAL = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed"),
]
EXPECTED = "Failed to load resource|WebSocket connection to"  # what a browser logs by itself
HACK = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
stream = functools.cache(functools.partial(make_stream, 12.0))


@pytest.fixture(scope="module")
def browser() -> Iterator[tuple[asyncio.Runner, Page]]:
    """Start one Chromium for the tests of a file."""
    with asyncio.Runner() as runner:
        context = chromium()
        page = runner.run(context.__aenter__())
        runner.run(page.look(1280, 900))
        yield runner, page
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
def visit(browser: tuple[asyncio.Runner, Page]) -> Callable[..., None]:
    """Run `scenario(page, desk, console)` on a fresh page; fail if the page logged an error."""
    runner, page = browser

    def run(scenario: Any, desk: Any = None, token: str | None = None, **options: Any) -> None:
        async def main() -> None:
            show = desk or scripted()
            async with serving(show, token, **options) as (console, _):
                await page.goto("about:blank")
                await page.goto(f"{console.address}static/icon.png")  # the place, without the page
                await page.call("Network.clearBrowserCookies")
                await page.run("sessionStorage.clear(), localStorage.clear()")
                await page.goto("about:blank")
                page.console.clear()
                await page.goto(console.address)
                await scenario(page, show, console)
                unexpected = [line for line in page.console if not re.search(EXPECTED, line)]
                assert unexpected == []
                await page.goto("about:blank")

        runner.run(main())

    return run


class LeasedDesk(FakeDesk):
    """A desk with a real lease: it tells who holds it, and refuses what the others may not."""

    def __init__(self, seconds: float = 10.0) -> None:
        super().__init__()
        self.lease = Lease(seconds)
        self.lease.listen(self._changed)

    def _changed(self, now: Any, before: Any, why: str) -> None:
        self.values["lease"] = self.lease.snapshot()
        self.values["mode"] = "taken" if now else "live"
        told = {"holder": now and now.to_json(), "before": before and before.to_json(), "why": why}
        self.news.tell("lease", **told)

    async def command(self, name: str, args: dict[str, Any], who: Who = LOCAL) -> Outcome:
        """Carry the lease's commands out; refuse the words of everybody else."""
        done = await super().command(name, args, who)
        if not done.ok or self._leased(name, args, who):
            return done
        held = {"lease": self.lease.snapshot()}
        return Outcome(False, "somebody else speaks for the host", held, "lease")

    def _leased(self, name: str, args: dict[str, Any], who: Who) -> bool:
        match name:
            case "take_over" | "take_over_force":
                return self.lease.take(who, args["kind"], name == "take_over_force")
            case "lease_keep":
                return self.lease.keep(who)
            case "hand_back":
                return self.lease.end(who.session)
        return name != "say" or self.lease.free_for(who)


def scripted(desk: FakeDesk | None = None) -> FakeDesk:
    """Return a show with something of everything."""
    desk = desk or LeasedDesk()
    desk.values |= {
        "title": "小荷的日常好物",
        "mode": "live",
        "uptime_seconds": 3723,
        "products": [{"id": "a", "name": "外套", "price": "199.90"}, {"id": "b", "name": "杯子"}],
        "product": "a",
        "now": {"text": "大家好"},
        "stage": {"connected": True, "quality": "FULL", "counters": {"late": 3}},
    }
    return desk


def text(selector: str) -> str:
    """Return a script for the text of an element."""
    return f"document.querySelector({json.dumps(selector)}).textContent"


def shown(selector: str) -> str:
    """Return a script that says whether an element can be seen."""
    return f"(document.querySelector({json.dumps(selector)})?.checkVisibility() ?? false)"


async def fill(page: Page, selector: str, value: str) -> None:
    """Write into a field."""
    await page.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")


async def click(page: Page, selector: str) -> None:
    """Press a button."""
    await page.run(f"document.querySelector({json.dumps(selector)}).click()")


async def press_twice(page: Page, selector: str) -> None:
    """Press a button that wants a second press, and not at once."""
    await click(page, selector)
    await asyncio.sleep(0.4)
    await click(page, selector)


async def agree(page: Page) -> None:
    """Say yes to the question that is asked."""
    await page.until("document.querySelector('#confirm[open] #confirm-yes:enabled') !== null")
    await click(page, "#confirm-yes")


async def playing(page: Page, seconds: float = 20) -> None:
    """Wait until pictures are decoded and seen."""
    frames = "video.getVideoPlaybackQuality().totalVideoFrames > 5 && video.currentTime > 0"
    await page.until(f"{frames} && !video.paused && away.hidden", seconds)
