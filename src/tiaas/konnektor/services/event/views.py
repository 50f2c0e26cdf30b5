"""Terminals as EventService 7.2 tells them (TUC_KON_253)."""

from ipaddress import ip_address

from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminal, IpAddress
from tiaas.interfaces.connector_common_v5_0 import WorkplaceIds
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.terminallist import TerminalEntry
from tiaas.konnektor.terminalproduct import terminal_product


def wire_terminal(context: ServiceContext, model: InfoModel, entry: TerminalEntry) -> CardTerminal:
    """A terminal as EventService tells it; WorkplaceIds are the workplaces that have it as local terminal."""
    config = entry.config
    return CardTerminal(
        product_information=terminal_product(entry.product, context.clock.now()),
        ct_id=config.ct_id,
        workplace_ids=WorkplaceIds(workplace_id=model.local_workplaces(config.ct_id)),
        name=config.name,
        mac_address=config.mac.hex("-").upper(),
        ip_address=_address(config.host),
        slots=config.slots,
        is_physical=config.is_physical,
        connected=entry.connected,
    )


def _address(host: str) -> IpAddress | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    text = str(address)
    return IpAddress(ipv4_address=text) if address.version == 4 else IpAddress(ipv6_address=text)
