"""Which card terminals this Konnektor supports (gemSpec_Kon V5.18: CTM_SUPPORTED_KT_VERSIONS, TUC_KON_055)."""

SUPPORTED_VERSIONS = ("1.0.0",)
"""EHEALTH interface versions, whatever the model (TIP1-A_4986)."""


def is_supported(version: str, supported: tuple[str, ...] = SUPPORTED_VERSIONS) -> bool:
    """TUC_KON_055: an entry has the same first two numbers, and the third of `version` is not lower than the entry's.

    A version that is not three numbers is not supported.
    """
    told = _numbers(version)
    if told is None:
        return False
    entries = (_numbers(entry) for entry in supported)
    return any(entry is not None and entry[:2] == told[:2] and told[2] >= entry[2] for entry in entries)


def _numbers(version: str) -> tuple[int, int, int] | None:
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1]), int(parts[2])
