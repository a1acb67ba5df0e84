"""The script studio: a rundown written from facts, varied round by round, and checked.

In:  facts and product cards, a rundown.   Out: TOML files that a room loads; reports.
"""
