"""How this person calls us, for lines that name a command: a clone has no `tiaas` in the path.

Texts say `tiaas VERB`, whatever layer they come from. Notes, errors and help pass here on their way out; of a result
that names a command whoever writes it takes care (`out(as_called(…))`).
"""

import os
import shlex

from tiaas.base.latepattern import late_pattern
from tiaas.cli.verbs import VERBS

VARIABLE = "TIAAS_COMMAND"
"""Where a clone's launcher says by which name it was called."""
_COMMAND = late_pattern(rf"(?<![\w./-])tiaas(?=\s+(?:{'|'.join(VERBS)})\b)")


def as_called(text: str) -> str:
    """The text with its commands as this person has to type them."""
    called = os.environ.get(VARIABLE)
    return text if not called else _COMMAND.sub(lambda _: shlex.quote(called), text)
