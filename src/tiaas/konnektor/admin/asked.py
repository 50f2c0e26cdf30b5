"""The instance that a call of its management interface asks, and whether it may go into the TI for that."""

from tiaas.konnektor.admin.problems import conflict
from tiaas.konnektor.admin.routes import Call
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.instance import Instance


def instance_of(call: Call) -> Instance:
    """For handlers of `table.INSTANCE_ROUTES`, whose plane is an `InstancePlane`."""
    instance: Instance = call.plane.instance
    return instance


def require_online(instance: Instance, what: str) -> None:
    """Nobody is asked by hand either while MGM_LU_ONLINE is off (gemSpec_Kon V5.18 §4.3.6); `what` is not done then.

    Raises `Problem`; `KonnektorError` 4002 in a box whose firmware is too old for the TI (TIP1-A_6025).
    """
    mode = instance.context.online_mode
    if mode.is_blocked:
        raise KonnektorError(4002)
    if not mode.active:
        raise conflict(f"MGM_LU_ONLINE is off: {what}", "set the parameter online first")
