"""Entry point of the stage process; started by `livehost.parent`."""

import sys

from livehost import process
from livehost.stage.app import run

if __name__ == "__main__":
    process.log_to_stderr("stage")
    sys.exit(process.run(run))
