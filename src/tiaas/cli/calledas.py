"""How this person calls us, for lines that name a command: a clone has no `tiaas` in the path."""

import os
import shlex

VARIABLE = "TIAAS_COMMAND"
"""Where a clone's launcher says by which name it was called."""


def command() -> str:
    """`tiaas`, or the launcher as it was called."""
    return shlex.quote(os.environ.get(VARIABLE) or "tiaas")
