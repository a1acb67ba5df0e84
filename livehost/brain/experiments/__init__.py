"""Experiments: the show tries wordings, segments and orders, and learns what works.

In:  what viewers do.   Out: choices, and what is known of them; docs/experiments.md has the maths.
"""
