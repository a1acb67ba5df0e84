"""Entry point of the brain process; started by `livehost.parent`."""

import sys

from livehost import process
from livehost.brain.app import run
from livehost.brain.store import SWITCH_SECONDS

if __name__ == "__main__":
    process.log_to_stderr("brain")
    sys.setswitchinterval(SWITCH_SECONDS)
    sys.exit(process.run(run))
