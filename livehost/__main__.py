"""`python -m livehost`: the same as the `livehost` command."""

import sys

from livehost.cli import main

if __name__ == "__main__":
    sys.exit(main())
