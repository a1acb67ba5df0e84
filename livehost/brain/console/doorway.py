"""Logging in and out by HTTP, and the list of logins.

In:  names and passwords, or tokens.   Out: a cookie that scripts cannot read; who one is.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livehost.brain.access.sessions import csrf
from livehost.brain.command import Role, Who
from livehost.brain.console.access import Access, Login
from livehost.brain.console.answers import answer, refusal
from livehost.brain.console.assets import Assets
from livehost.brain.console.chatdoor import Bucket
from livehost.brain.console.guard import PEER, WHO
from livehost.brain.console.peer import Peer

MOST_BODY = 4096
NOTED_EACH_SECOND, NOTED_AT_ONCE = 0.5, 30.0  # refused logins written into the audit log
WRONG = "name or password is wrong"

Note = Callable[[Who, str, bool, str], None]
"""Writes (who, what, ok, message) into the audit log."""


class Credentials(BaseModel):
    """The body of a login: name and password, or a token."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    user: Annotated[str, Field(max_length=64)] = ""
    password: Annotated[str, Field(max_length=400)] = ""
    token: Annotated[str, Field(max_length=400)] = ""


class Doorway:
    """Lets people in and out.

    Args:
        note: writes logins into the audit log.
        left: told of logins that ended, so that their sockets are closed.
        assets: has the page to log in.
    """

    def __init__(
        self,
        access: Access,
        note: Note,
        left: Callable[[str], Awaitable[None]],
        assets: Assets,
    ) -> None:
        self._access = access
        self._assets = assets
        self._note = note
        self._left = left
        self._noted = Bucket(NOTED_EACH_SECOND, NOTED_AT_ONCE)
        self.counts: Counter[str] = Counter()
        """Logins by result: ok, wrong, delayed."""

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served."""
        return [
            web.get("/login", self._page),
            web.get("/api/login", self._forms),
            web.post("/api/login", self._login),
            web.post("/api/logout", self._logout),
            web.get("/api/me", self._me),
            web.get("/api/sessions", self._sessions),
            web.delete("/api/sessions/{id}", self._end),
        ]

    def metrics(self) -> dict[str, float]:
        """Return the numbers by Prometheus name."""
        name = "livehost_console_logins_total"
        results = ("ok", "wrong", "delayed")
        return {
            "livehost_console_logins": float(len(self._access.sessions)),
            **{f'{name}{{result="{result}"}}': float(self.counts[result]) for result in results},
        }

    async def _page(self, request: web.Request) -> web.Response:
        return self._assets.answer(request, "login.html")

    async def _forms(self, request: web.Request) -> web.Response:
        return answer({"ok": True, "in": WHO in request, **self._access.forms()})

    async def _me(self, request: web.Request) -> web.Response:
        who, key = request[WHO], request.cookies.get(self._access.cookie, "")
        return answer(
            {
                "ok": True,
                "user": who.name,
                "role": who.role.value,
                "login": who.login,
                "csrf": csrf(key) if who.login else "",
            }
        )

    # --- in ---------------------------------------------------------------------------------------

    async def _login(self, request: web.Request) -> web.Response:
        given = await _credentials(request)
        peer, agent = request[PEER], request.headers.get(hdrs.USER_AGENT, "")
        if given.token:
            login = self._access.by_token(given.token, peer, agent)
        else:
            login = await self._access.by_password(given.user, given.password, peer, agent)
        if login.who is None:
            return self._refused(login, given.user, peer)
        self.counts["ok"] += 1
        self._note(login.who, "login", True, "")
        return self._in(login.who, login.key, peer)

    def _in(self, who: Who, key: str, peer: Peer) -> web.Response:
        told = {"user": who.name, "role": who.role.value, "csrf": csrf(key)}
        response = answer({"ok": True, **told})
        response.set_cookie(
            self._access.cookie, key, httponly=True, samesite="Strict", path="/",
            secure=peer.secure,
        )  # fmt: skip
        return response

    def _refused(self, login: Login, name: str, peer: Peer) -> web.Response:
        wait = math.ceil(login.wait)
        self.counts["delayed" if wait else "wrong"] += 1
        if self._noted.take():
            # What is no user's name may be a password in the wrong field.
            known = name if self._access.knows(name) else "nobody known"
            stranger = Who(known, Role.VIEWER, peer.address)
            self._note(stranger, "login", False, "refused")
        if not wait:
            return refusal(401, WRONG)
        return refusal(429, f"{WRONG}; wait {wait} s", **{hdrs.RETRY_AFTER: str(wait)})

    # --- out --------------------------------------------------------------------------------------

    async def _logout(self, request: web.Request) -> web.Response:
        who = request.get(WHO)
        if who is not None and who.login:
            self._access.sessions.end(who.login)
            await self._left(who.login)
            self._note(who, "logout", True, "")
        response = answer({"ok": True})
        response.del_cookie(self._access.cookie, path="/", httponly=True, samesite="Strict")
        return response

    async def _sessions(self, _: web.Request) -> web.Response:
        found = sorted(self._access.sessions, key=lambda session: session.seen, reverse=True)
        return answer({"ok": True, "sessions": [session.to_json() for session in found]})

    async def _end(self, request: web.Request) -> web.Response:
        ended = self._access.sessions.end(request.match_info["id"])
        if ended is None:
            return refusal(404, "there is no such login")
        await self._left(ended.id)
        self._note(request[WHO], "logout", True, f"ended the login of {ended.user}")
        return answer({"ok": True})


async def _credentials(request: web.Request) -> Credentials:
    body = await request.read()
    if len(body) > MOST_BODY:
        raise web.HTTPRequestEntityTooLarge(MOST_BODY, len(body))
    try:
        return Credentials.model_validate(json.loads(body))
    except (ValidationError, ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="send a user and a password, or a token") from None
