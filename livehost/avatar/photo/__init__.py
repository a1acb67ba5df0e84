"""Make an avatar from one photo: `livehost avatar make PHOTO`.

In:  a picture file, what is asked for.   Out: an avatar folder like any other, and a report.

MediaPipe finds the landmarks, here and only here; nothing is learned. See docs/avatars.md.
"""

from livehost.avatar.photo.build import make

__all__ = ["make"]
