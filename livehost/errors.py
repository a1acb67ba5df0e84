"""Every failure livehost can have, classed by the reaction it asks for.

* LivehostError
    * ConfigError          wrong settings or input files: say which, exit with 2
    * Transient            try the same thing again, after a pause
        * OutputLost       the far end of an output went away, stalled or refused
        * BackendTimeout   a backend missed its deadline
        * WireLost         the other process of the pair went away
    * BackendBroken        this backend will not recover by itself: use the next one
"""


class LivehostError(Exception):
    """Base of all errors that a user may see; `str(error)` is one line."""


class ConfigError(LivehostError):
    """The settings or input files are wrong; retrying cannot help.

    Attributes:
        problems: one line each, "file:line: key: what is wrong; what to do".
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Transient(LivehostError):
    """Might work if tried again with the same parameters."""


class OutputLost(Transient):
    """The far end of an output went away, stalled or refused us."""


class BackendTimeout(Transient):
    """A backend missed its deadline."""


class WireLost(Transient):
    """The process at the other end of the wire went away or sent nonsense."""


class BackendBroken(LivehostError):
    """A backend will not recover by itself; fall back to the next one."""
