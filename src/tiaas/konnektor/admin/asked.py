"""The instance that a call of its management interface asks."""

from tiaas.konnektor.admin.routes import Call
from tiaas.konnektor.instance import Instance


def instance_of(call: Call) -> Instance:
    """For handlers of `table.INSTANCE_ROUTES`, whose plane is an `InstancePlane`."""
    instance: Instance = call.plane.instance
    return instance
