"""Who is behind a request: the room's token, a user's token, a login, or whoever sits here.

In:  requests.   Out: `Who`, and why not.
"""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import hdrs, web

from livehost.brain.access.delays import Delays
from livehost.brain.access.sessions import Session, Sessions, csrf
from livehost.brain.access.users import User, Users
from livehost.brain.command import LOCAL, Role, Who
from livehost.brain.console.peer import Peer

MOST_CHECKS = 8  # passwords that wait to be checked, each about 0.1 s
TAB = "X-Livehost-Tab"
"""Header that names the tab behind a request, as its websocket's hello does."""
CSRF = "X-Livehost-Csrf"
"""Header that proves that a request comes from our own page, where `Origin` is missing."""
TOKEN_NAME = "token"
"""The name in the log of whoever has the room's token."""


@dataclass(frozen=True, slots=True)
class Login:
    """What became of one try to log in.

    Attributes:
        who: None: it failed.
        key: for the cookie.
        wait: seconds until the next try is looked at; 0 may try at once.
    """

    who: Who | None = None
    key: str = ""
    wait: float = 0.0


class Access:
    """Lets people in.

    Args:
        token: the room's, an owner's; None: there is none.
        users: those of the users file.
        name: of the room; two rooms on one machine have different cookies.
        always: nobody gets in without a password or token, whatever else.
    """

    def __init__(
        self,
        token: str | None = None,
        users: Users | None = None,
        sessions: Sessions | None = None,
        name: str = "room",
        always: bool = False,
    ) -> None:
        self._token = token.encode() if token else None
        self._always = always
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._checking = 0
        self.users = users
        self.sessions = sessions or Sessions(None, timedelta(hours=12))
        self.delays = Delays()
        self.cookie = f"livehost-{name}"

    @property
    def asked(self) -> bool:
        """Whether anything is asked of those who come; once it was, it always is."""
        self._always = self._always or bool(self._token or self.users)
        return self._always

    def forms(self) -> dict[str, bool]:
        """Return what one can log in with."""
        return {"asked": self.asked, "users": bool(self.users), "token": bool(self._token)}

    # --- requests ---------------------------------------------------------------------------------

    def who(self, request: web.Request, peer: Peer) -> Who | None:
        """Return who is behind a request; None: nobody that is known."""
        tab = request.headers.get(TAB, "http")[:64]
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            given = request.query.get("token", "") if request.path == "/live.mp4" else ""
        if given := given.strip():
            return self._of_token(given, peer.address, tab)
        if session := self.sessions.get(request.cookies.get(self.cookie, "")):
            return self._of_session(session, peer.address, tab)
        if not self.asked:
            return Who(LOCAL.name, Role.OWNER, peer.address, f"{LOCAL.name}:{tab}")
        return None

    def by_cookie(self, request: web.Request) -> bool:
        """Return whether a request is let in by what a browser sends by itself."""
        return not request.headers.get(hdrs.AUTHORIZATION) and self.cookie in request.cookies

    def proves_origin(self, request: web.Request) -> bool:
        """Return whether a request has the token of its login."""
        key = request.cookies.get(self.cookie, "")
        given = request.headers.get(CSRF, "")
        return hmac.compare_digest(given.encode(errors="replace"), csrf(key).encode())

    def _of_token(self, given: str, address: str, tab: str) -> Who | None:
        if self._fits(given):
            return Who(TOKEN_NAME, Role.OWNER, address, f"{TOKEN_NAME}:{tab}")
        user = self.users.by_token(given) if self.users else None
        return Who(user.name, user.role, address, f"{user.name}:{tab}") if user else None

    def _of_session(self, session: Session, address: str, tab: str) -> Who | None:
        role = self._role(session.user)
        if role is None:
            return None
        return Who(session.user, role, address, f"{session.user}:{tab}", session.id)

    def knows(self, name: str) -> bool:
        """Return whether somebody of this name may log in."""
        return self._role(name) is not None

    def _role(self, name: str) -> Role | None:
        if name == TOKEN_NAME and self._token:
            return Role.OWNER
        user = self.users.get(name) if self.users else None
        return user.role if user else None

    def _fits(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(
            given.encode(errors="replace"), self._token
        )

    # --- logins -----------------------------------------------------------------------------------

    async def by_password(self, name: str, password: str, peer: Peer, agent: str) -> Login:
        """Log in by name and password."""
        if wait := self._wait(name, peer.address):
            return Login(wait=wait)
        self._checking += 1
        try:
            user = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._checked, name, password
            )
        finally:
            self._checking -= 1
        return self._begun(user.name if user else None, name, peer, agent)

    def by_token(self, token: str, peer: Peer, agent: str) -> Login:
        """Log in by a token: a cookie is safer in a browser than the token itself."""
        if wait := self._wait("", peer.address):
            return Login(wait=wait)
        who = self._of_token(token, peer.address, "http")
        return self._begun(who.name if who else None, "", peer, agent)

    def _wait(self, name: str, address: str) -> float:
        if self._checking >= MOST_CHECKS:
            return 1.0
        return self.delays.seconds(name, address)

    def _checked(self, name: str, password: str) -> User | None:
        return self.users.by_password(name, password) if self.users else None

    def _begun(self, user: str | None, name: str, peer: Peer, agent: str) -> Login:
        role = self._role(user) if user else None
        if user is None or role is None:
            self.delays.failed(name, peer.address)
            return Login(wait=self.delays.seconds(name, peer.address))
        self.delays.succeeded(name, peer.address)
        key, session = self.sessions.begin(user, peer.address, agent)
        return Login(Who(user, role, peer.address, f"{user}:http", session.id), key)

    # --- time -------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Put a changed users file in force and end the logins of those who are gone."""
        if self.users is not None and self.users.renew():
            names = {user.name for user in self.users}
            self.sessions.end_of(names | ({TOKEN_NAME} if self._token else set()))
        self.sessions.expire()

    def still(self, who: Who) -> bool:
        """Return whether somebody who came in earlier would get in now, with the same role."""
        if who.login and not self.sessions.alive(who.login):
            return False
        if who.name == LOCAL.name and not who.login:
            return not self.asked
        return self._role(who.name) is who.role
