"""Entry point of the brain process; started by `livehost.parent`."""

import sys

from livehost import process
from livehost.brain.app import run
from livehost.brain.store import SWITCH_SECONDS

if __name__ == "__main__":
    process.log_to_stderr("brain")
    sys.setswitchinterval(SWITCH_SECONDS)
    process.give_way(5)  # the stage has deadlines, the brain has not
    sys.exit(process.run(run))
