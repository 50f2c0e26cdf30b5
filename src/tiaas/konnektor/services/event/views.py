"""Terminals as EventService 7.2 tells them (TUC_KON_253)."""

import re
from ipaddress import ip_address

from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminal, IpAddress
from tiaas.interfaces.connector_common_v5_0 import WorkplaceIds
from tiaas.interfaces.product_information_v1_1 import (
    ProductIdentification,
    ProductInformation,
    ProductMiscellaneous,
    ProductTypeInformation,
    ProductVersion,
    ProductVersionLocal,
)
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.terminallist import TerminalEntry
from tiaas.konnektor.wirecard import fitting_text

_UNKNOWN_VERSION = "0.0.0"
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_CODE = re.compile(r"[A-Za-z0-9_]+")


def wire_terminal(context: ServiceContext, model: InfoModel, entry: TerminalEntry) -> CardTerminal:
    """A terminal as EventService tells it; WorkplaceIds are the workplaces that have it as local terminal."""
    config = entry.config
    return CardTerminal(
        product_information=_product(context, entry),
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


def _product(context: ServiceContext, entry: TerminalEntry) -> ProductInformation:
    """What the terminal said of itself in GET STATUS; before it ever answered, empty names and version 0.0.0.

    It may say anything: what the schema does not allow is left out, or one odd terminal would spoil the answer.
    """
    product = entry.product
    return ProductInformation(
        information_date=context.clock.now(),
        product_type_information=ProductTypeInformation(
            product_type="KT",
            product_type_version=_fitting_version(product.product_type_version if product else ""),
        ),
        product_identification=ProductIdentification(
            product_vendor_id=_fitting_code(product.manufacturer if product else "", 5),
            product_code=_fitting_code(product.model if product else "", 8),
            product_version=ProductVersion(
                local=ProductVersionLocal(
                    hw_version=_fitting_version(product.hardware_version if product else ""),
                    fw_version=_fitting_version(product.firmware_version if product else ""),
                )
            ),
        ),
        product_miscellaneous=ProductMiscellaneous(
            product_vendor_name=fitting_text(product.vendor_text if product else ""),
            product_name=fitting_text(product.model if product else ""),
        ),
    )


def _fitting_version(text: str) -> str:
    """Three groups of up to three digits, as ProductInformation 1.1 wants them, else 0.0.0."""
    return text if _VERSION.fullmatch(text) else _UNKNOWN_VERSION


def _fitting_code(text: str, limit: int) -> str:
    """The letters, digits and underscores of a text, `limit` at most."""
    return "".join(_CODE.findall(text))[:limit]
