"""The files of signatures, by their names."""

from pathlib import Path

_ADDED = ("-parallel", "-counter")
"""What `tiaas sign` puts into the name of a signature that it adds to."""


def document_beside(signature: Path) -> Path | None:
    """The file that `NAME.p7s` signs by its name: NAME; of `NAME-counter.p7s`, which added to it, NAME, too."""
    name = signature.stem
    if signature.suffix.lower() != ".p7s":
        return None
    while name:
        if signature.with_name(name).is_file():
            return signature.with_name(name)
        bare = next((name.removesuffix(mark) for mark in _ADDED if name.endswith(mark)), None)
        if bare is None:
            return None
        name = bare
    return None
