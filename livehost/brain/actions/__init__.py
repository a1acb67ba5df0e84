"""Actions: what happens in the show is told to other programs, surely and in order.

In:  events of the show.   Out: signed HTTP requests; docs/actions.md has the protocol.
"""
