"""The login page in a real browser: what people see who are not in yet."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta

import pytest

from livehost.brain.access.sessions import Sessions
from livehost.brain.access.users import User, Users, hashed
from livehost.brain.command import Role
from livehost.brain.console.access import Access
from livehost.brain.console.entry import Entry
from tests.browser import chromium
from tests.console_desk import FakeDesk, serving

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium"),
]

PASSWORD = "correct horse 9"


def test_login_page_lets_in_keeps_out_and_fits_a_phone(tmp_path):
    async def main():
        users = Users(tmp_path / "users.toml")
        users.put(User(name="olga", role=Role.OWNER, password=hashed(PASSWORD)))
        way = Entry(Access(None, users, Sessions(None, timedelta(hours=1)), "demo"))
        async with serving(FakeDesk(), entry=way) as (console, _), chromium() as page:
            await page.look(390, 844)
            await page.goto(console.address + "login?next=//evil.example/")
            await page.until("!document.getElementById('by-password').hidden")
            title = await page.run("document.querySelector('h1').textContent")
            assert title in ("登录直播控制台", "Log in to the live console")
            assert await page.run("document.activeElement.id") == "user"
            assert await page.run("document.documentElement.scrollWidth") <= 390
            small = await page.run(
                "[...document.querySelectorAll('button:not([hidden]), input')]"
                ".filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).length"
            )
            assert small == 0, "everything is large enough for a thumb"
            await fill(page, "wrong password")
            await page.until("document.getElementById('said').textContent !== ''")
            assert await page.run("document.getElementById('password').value") == ""
            assert page.console == [] or all("401" in line for line in page.console)
            page.console.clear()
            await fill(page, PASSWORD)
            await page.until("location.pathname === '/'")
            assert await page.run("location.host") == console.address.split("/")[2]
            assert await page.run("document.cookie") == "", "no script can read the login"
            me = await page.run("fetch('/api/me').then((answer) => answer.json())")
            assert (me["user"], me["role"]) == ("olga", "owner")
            done = await page.run(
                "fetch('/api/command', {method: 'POST', body: JSON.stringify({name: 'skip'})})"
                ".then((answer) => answer.status)"
            )
            assert done == 200, "the browser's own Origin is enough"
            opened = await page.run(
                "new Promise((done) => { const s = new WebSocket(`ws://${location.host}/ws`);"
                "s.onopen = () => done(true); s.onerror = () => done(false); })"
            )
            assert opened
            assert not [line for line in page.console if "Content Security" in line]

    asyncio.run(main())


async def fill(page, password):
    await page.run("document.getElementById('user').value = 'olga'")
    await page.run(f"document.getElementById('password').value = {password!r}")
    await page.run("document.getElementById('by-password').requestSubmit()")
