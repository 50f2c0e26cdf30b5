"""What an administrator has set of a box's network, as rows: kind `box-network`, over the operator's configuration."""

from collections.abc import Mapping
from typing import Any, TypeVar

from tiaas.base.errors import InvalidInput
from tiaas.interfaces.management.boxnetwork import BoxGateways, BoxNetworkSettings
from tiaas.interfaces.management.documents import BadDocument, plain, read
from tiaas.konnektor.config import Address
from tiaas.konnektor.store import InstanceStore, StoreError

BOX_NETWORK_KIND = "box-network"
_KINDS: Mapping[str, type[BoxNetworkSettings] | type[BoxGateways]] = {
    "settings": BoxNetworkSettings,
    "gateways": BoxGateways,
}
T = TypeVar("T", BoxNetworkSettings, BoxGateways)


def read_box_network(key: str, row: Mapping[str, Any]) -> BoxNetworkSettings | BoxGateways:
    """A row of this kind. Raises `StoreError` for a damaged one."""
    try:
        return read(_KINDS[key], row)
    except (KeyError, BadDocument):
        raise StoreError("the stored network of the box is damaged") from None


async def load(store: InstanceStore, kind: type[T]) -> T | None:
    """What is set, if anything is. Raises `StoreError`."""
    key = _key(kind)
    row = await store.get(BOX_NETWORK_KIND, key)
    found = None if row is None else read_box_network(key, row)
    return found if isinstance(found, kind) else None


async def save(store: InstanceStore, document: BoxNetworkSettings | BoxGateways) -> None:
    """Keeps it. Raises `StoreError`."""
    row: Mapping[str, Any] = plain(document)
    await store.put(BOX_NETWORK_KIND, _key(type(document)), row)


def gateway_of(text: str) -> Address | None:
    """HOST:PORT, or None for an empty text. Raises `InvalidInput`."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidInput(f"{text} is not HOST:PORT")
    return Address(host, int(port))


def _key(kind: type[object]) -> str:
    return next(key for key, each in _KINDS.items() if each is kind)
