"""Who guesses passwords waits, longer after each wrong one.

In:  names and addresses of logins that failed.   Out: seconds to wait before the next try.

A name from one address waits by itself, so that a stranger cannot keep a person out for long. An
address that fails for many names waits, and a name that fails from many addresses, a little.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

FREE = {"pair": 3, "address": 20, "name": 20}
"""Wrong tries that cost nothing."""
LONGEST = {"pair": 900.0, "address": 300.0, "name": 10.0}
"""Most seconds between two tries."""
FORGOTTEN = 3600.0  # seconds after which wrong tries do not count any more
MOST_KEPT = 10_000

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Failures:
    count: int = 0
    at: float = 0.0
    until: float = 0.0


class Delays:
    """Counts wrong logins; the oldest are forgotten when there are many."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._known: OrderedDict[Key, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def seconds(self, name: str, address: str) -> float:
        """Return how long this name has to wait at this address; 0 may try."""
        now = asyncio.get_running_loop().time()
        found = (self._known.get(key) for key in _keys(name, address))
        return max([0.0, *(failures.until - now for failures in found if failures)])

    def failed(self, name: str, address: str) -> None:
        """Note a wrong password or token."""
        now = asyncio.get_running_loop().time()
        for key in _keys(name, address):
            failures = self._known.pop(key, None) or _Failures()
            if now - failures.at > FORGOTTEN:
                failures = _Failures()
            failures.count += 1
            over = failures.count - FREE[key[0]]
            wait = min(LONGEST[key[0]], 2.0 ** min(over - 1, 20)) if over > 0 else 0.0
            failures.at, failures.until = now, now + wait
            self._known[key] = failures
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget what this name did wrong at this address."""
        self._known.pop(_keys(name, address)[0], None)


def _keys(name: str, address: str) -> tuple[Key, Key, Key]:
    near = neighbourhood(address)
    short = name[:64]
    return ("pair", short, near), ("address", "", near), ("name", short, "")


def neighbourhood(address: str) -> str:
    """Return what one attacker can change at will cut off: of IPv6, the lower half."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if known.version == 4:
        return str(known)
    return str(ipaddress.ip_network((known, 64), strict=False))
