"""livehost: a 24/7 real-time digital-human livestream server."""

__version__ = "0.1.0"
