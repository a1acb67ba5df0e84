"""`python -m livehost.avatar.recipe`.

In:  the command line.   Out: an exit code.
"""

import sys

from livehost.avatar.recipe.command import main

sys.exit(main())
