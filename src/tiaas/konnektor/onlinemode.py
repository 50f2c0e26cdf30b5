"""MGM_LU_ONLINE as it counts now (gemSpec_Kon V5.18 §4.3.6; TIP1-A_4719, TIP1-A_5516), and what takes the TI away from
a box whose firmware is too old (TIP1-A_6025)."""

from collections.abc import Callable
from datetime import datetime


class OnlineMode:
    """Whether one instance may use the TI; `active` may change at any time."""

    def __init__(self, active: bool) -> None:
        self._wanted = active
        self._blocked = False
        self.active = active
        """MGM_LU_ONLINE=Enabled, and not blocked."""
        self._listeners: list[Callable[[], None]] = []
        self.sis: tuple[bool, datetime] | None = None
        """Whether a box has its way to the SIS, and since when; None before it had one, and for an HSK."""

    @property
    def wanted(self) -> bool:
        """MGM_LU_ONLINE=Enabled, blocked or not."""
        return self._wanted

    @property
    def is_blocked(self) -> bool:
        """Whether the way into the TI is forbidden, whatever MGM_LU_ONLINE says."""
        return self._blocked

    def on_change(self, listener: Callable[[], None]) -> None:
        """`listener` is called from now on when `active` is another."""
        self._listeners.append(listener)

    def switch(self, active: bool) -> None:
        """Sets it; who listens has followed when this returns."""
        self._set(active, self._blocked)

    def block(self, blocked: bool) -> None:
        """EC_FW_Not_Valid_Status_Blocked comes or goes; who listens has followed when this returns."""
        self._set(self._wanted, blocked)

    def _set(self, wanted: bool, blocked: bool) -> None:
        before = self.active
        self._wanted, self._blocked = wanted, blocked
        self.active = wanted and not blocked
        if self.active is before:
            return
        for listener in self._listeners:
            listener()
