"""Where a trust space comes from, as the trust service sees it."""

from typing import Protocol

from tiaas.konnektor.trust import TrustSpace


class TrustSource(Protocol):
    """Who keeps the trust space current: `TrustLists`, or `FixedTrust` without lists."""

    @property
    def space(self) -> TrustSpace:
        """What is trusted now."""
        ...

    def is_outdated(self) -> bool:
        """EC_TSL_Out_Of_Date_Beyond_Grace_Period."""
        ...

    def is_anchor_outdated(self) -> bool:
        """EC_TSL_Trust_Anchor_Out_Of_Date."""
        ...


class FixedTrust:
    """A trust space that never changes: instances without a trust list."""

    def __init__(self, space: TrustSpace) -> None:
        self.space = space

    def is_outdated(self) -> bool:
        """See `TrustSource.is_outdated`."""
        return False

    def is_anchor_outdated(self) -> bool:
        """See `TrustSource.is_anchor_outdated`."""
        return False
