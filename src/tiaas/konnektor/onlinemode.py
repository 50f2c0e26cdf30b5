"""MGM_LU_ONLINE as it counts now (gemSpec_Kon V5.18 §4.3.6; TIP1-A_4719, TIP1-A_5516)."""

from collections.abc import Callable


class OnlineMode:
    """Whether one instance may use the TI; `active` may change at any time."""

    def __init__(self, active: bool) -> None:
        self._active = active
        self._listeners: list[Callable[[], None]] = []

    @property
    def active(self) -> bool:
        """MGM_LU_ONLINE=Enabled."""
        return self._active

    def on_change(self, listener: Callable[[], None]) -> None:
        """`listener` is called from now on when `active` is another."""
        self._listeners.append(listener)

    def switch(self, active: bool) -> None:
        """Sets it; who listens has followed when this returns."""
        if active is self._active:
            return
        self._active = active
        for listener in self._listeners:
            listener()
