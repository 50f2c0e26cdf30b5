"""Regular expressions compiled at their first use: for large classes of characters, which take milliseconds."""

import re
from typing import Any, cast


class _LatePattern:
    """Looks like `re.Pattern`; each attribute comes from the pattern and stays."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:
        # The module `re` keeps what it has compiled; so one text is compiled once, however many of these have it.
        value = getattr(re.compile(self._text), name)
        setattr(self, name, value)
        return value


def late_pattern(text: str) -> re.Pattern[str]:
    """The pattern of `text`, which nothing looks at before the first use: `re.error` comes then."""
    return cast(re.Pattern[str], _LatePattern(text))
