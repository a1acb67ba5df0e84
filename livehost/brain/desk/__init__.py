"""The operator's desk: what the console may see of the show and do to it.

In:  status questions, chat, commands.   Out: JSON values, receipts, outcomes.
"""

from livehost.brain.desk.all import GROUPS, ShowDesk, all_commands
from livehost.brain.desk.numbers import flattened
from livehost.brain.desk.start import make_console

__all__ = ["GROUPS", "ShowDesk", "all_commands", "flattened", "make_console"]
