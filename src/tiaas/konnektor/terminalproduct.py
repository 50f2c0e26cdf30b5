"""What a terminal said of itself in GET STATUS as ProductInformation 1.1.

It may say anything: what the schema does not allow is left out, or one odd terminal would spoil the answer.
"""

import re
from datetime import datetime

from tiaas.interfaces.product_information_v1_1 import (
    ProductIdentification,
    ProductInformation,
    ProductMiscellaneous,
    ProductTypeInformation,
    ProductVersion,
    ProductVersionLocal,
)
from tiaas.konnektor.wirecard import fitting_text
from tiaas.terminal.session import TerminalProduct

_UNKNOWN_VERSION = "0.0.0"
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_CODE = re.compile(r"[A-Za-z0-9_]+")


def terminal_product(product: TerminalProduct | None, now: datetime) -> ProductInformation:
    """The information; of a terminal that never answered (None) empty names and version 0.0.0."""
    return ProductInformation(
        information_date=now,
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
