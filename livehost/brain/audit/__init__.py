"""The audit log: what was said and shown, why, and who decided it; nobody can change it unseen.

In:  events of the show.   Out: a chain of records in files, one for each day (UTC).
"""

from livehost.brain.audit.chain import Entry, Kind, Retention
from livehost.brain.audit.recorder import Recorder

__all__ = ["Entry", "Kind", "Recorder", "Retention"]
