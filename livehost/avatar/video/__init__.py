"""Make an avatar from a video of a person: `livehost avatar make VIDEO`.

In:  a video file, what is asked for.   Out: a folder with a film that repeats, and a report.

MediaPipe finds the landmarks, here and only here; nothing is learned. See docs/avatars.md.
"""

from livehost.avatar.video.build import make

__all__ = ["make"]
