"""Speech to face: timings or sound to mouth shapes, and the idle life around them.

In:  `Spoken` per tick.   Out: `Face` per tick.
"""

from livehost.stage.drive.drive import Drive

__all__ = ["Drive"]
