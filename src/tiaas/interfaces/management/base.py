"""Documents of the base plane: instances of a node (gemF_Highspeed-Konnektor TIP1-A_4820-02, A_23159, A_23395)."""

import enum
from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Host, Items, Name, Octets, Port, Text, Told

BACKUP_OCTETS = 16 * 1024 * 1024

InstanceName = Annotated[str, Text(1, 63, "[a-z0-9][a-z0-9-]*")]
IpAddress = Annotated[str, Text(2, 45, "[0-9A-Fa-f.:]+")]


@enum.unique
class InstanceLife(enum.StrEnum):
    """What becomes of an instance."""

    CREATING = "creating"
    SERVING = "serving"
    STOPPED = "stopped"
    DELETION_ORDERED = "deletion ordered"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class HostedInstance:
    """An instance from outside; what is in it the base plane does not see."""

    name: str
    life: InstanceLife
    url: str | None
    admin_url: str | None
    is_configured: Annotated[bool, Told("it belongs to the node's start configuration and is not deleted here")]
    deletion_ordered_by: str | None
    not_restarted: Annotated[str | None, Told("why it is not there, or not managed, after it was to restart")]


@dataclass(frozen=True, slots=True)
class HostedInstances:
    """All instances of the node."""

    instances: tuple[HostedInstance, ...]


@dataclass(frozen=True, slots=True)
class NewInstance:
    """An instance to be made."""

    name: InstanceName
    listen: IpAddress
    port: Port
    admin_port: Port
    hosts: Annotated[tuple[Host, ...], Items(0, 16)] = ()
    administrator: Name = "super"


@dataclass(frozen=True, slots=True)
class InstanceMade:
    """A new instance and its first Super-Administrator, whose token is shown this once."""

    name: str
    url: str
    admin_url: str
    ca_pem: Annotated[str, Text(0, 65_536)]
    administrator: str
    token: Annotated[Secret, Text(1, 128)]


@dataclass(frozen=True, slots=True)
class DeletionConfirmed:
    """`name` once more: whoever types it means this instance."""

    name: Annotated[str, Text(1, 64)]


@dataclass(frozen=True, slots=True)
class Backup:
    """An instance as a file that only this node can open."""

    file: Annotated[bytes, Octets(1, BACKUP_OCTETS)]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and from when it is."""

    name: str
    saved: datetime


@dataclass(frozen=True, slots=True)
class BaseLogEntry:
    """An entry of the base log."""

    at: datetime
    user: str
    action: str
    value: str


@dataclass(frozen=True, slots=True)
class BaseLog:
    """The base log, oldest first."""

    entries: tuple[BaseLogEntry, ...]
