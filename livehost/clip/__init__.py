"""Clips: one host and a text or a recording become an MP4 file, as fast as the machine can.

In:  settings, on the command line or in a batch file.   Out: labelled MP4 files.
"""
