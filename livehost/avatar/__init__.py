"""Avatars: load and check one; train the decoders of one.

In:  a folder with avatar.toml.   Out: an `Avatar` that every renderer and driver can use.
"""

from livehost.avatar.load import Avatar, Camera, Framing, Region, face_consent, load_avatar

__all__ = ["Avatar", "Camera", "Framing", "Region", "face_consent", "load_avatar"]
