"""Packet filters (the file of `box.packet_filter`, one table per practice) and adapters of a lab's boxes (einbox)."""

from collections.abc import Callable, Iterable

from tiaas.cli.upconfig import UpConfig
from tiaas.konnektor.config import Profile
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.packetfilter import PacketFilter
from tiaas.lab.practice import Practice


def packet_filter(config: UpConfig, practice: Practice) -> PacketFilter | None:
    """The filter of a practice's box, not in force yet; None if there is to be none."""
    rules = config.box.packet_filter
    if rules is None or config.profile is not Profile.EINBOX:
        return None
    return PacketFilter(rules.absolute(), f"tiaas_practice_{practice.number}")


def tell_adapters(instances: Iterable[Instance], say: Callable[[str], None]) -> None:
    """`say` hears of adapters that are not in force."""
    for instance in instances:
        box = instance.health.box
        if box is not None and box.adapters is not None and box.adapters.reason:
            say(f"the adapters of {instance.name} are not in force: {box.adapters.reason} (tiaas admin adapters)")


async def use_filters(instances: Iterable[Instance], say: Callable[[str], None]) -> None:
    """Puts the filters in force, once everything is set up. `say` hears of one that cannot be."""
    for instance in instances:
        box = instance.health.box
        if box is None or box.packet_filter is None:
            continue
        await box.packet_filter.use()
        if box.packet_filter.reason:
            say(
                f"the packet filter of {instance.name} is not in force: {box.packet_filter.reason}; until it is "
                "(tiaas admin packet-filter load) the Konnektor does nothing"
            )
