"""Reports: what a room did hour by hour, from its audit log.

In:  a room.   Out: one HTML page and a CSV table.
"""
