"""PI, what a product says about itself (ProductInformation.xsd 1.1.0; values by gemSpec_OM)."""

import re
from datetime import datetime
from typing import Annotated

from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import DATE_TIME, STRING, String

PI = Namespace("http://ws.gematik.de/int/version/ProductInformation/v1.1", "PI")

_THREE_PARTS = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_WORD = re.compile("[a-zA-Z0-9_]*")

PRODUCT_TYPE = String(name=PI("ProductType"), base=STRING, max_length=256)
PRODUCT_TYPE_VERSION = String(name=PI("ProductTypeVersion"), base=STRING, pattern=_THREE_PARTS)
PRODUCT_VENDOR_ID = String(name=PI("ProductVendorID"), base=STRING, max_length=5, pattern=_WORD)
PRODUCT_CODE = String(name=PI("ProductCode"), base=STRING, max_length=8, pattern=_WORD)
HW_VERSION = String(name=PI("HWVersion"), base=STRING, pattern=_THREE_PARTS)
FW_VERSION = String(name=PI("FWVersion"), base=STRING, pattern=_THREE_PARTS)
PRODUCT_VERSION_CENTRAL = String(
    name=PI("ProductVersionCentral"),
    base=STRING,
    pattern=re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(-25[0-5]|-2[0-4][0-9]|-[0-1]?[0-9]?[0-9]){0,1}"),
)
PRODUCT_VENDOR_NAME = String(name=PI("ProductVendorName"), base=STRING, max_length=256)
PRODUCT_NAME = String(name=PI("ProductName"), base=STRING, max_length=256)


@message(PI, type_name="ProductVersionLocal")
class ProductVersionLocal:
    """Version of a decentral product: hardware and firmware, each three groups of up to three digits."""

    hw_version: Annotated[str, Element(PI, "HWVersion", HW_VERSION)]
    fw_version: Annotated[str, Element(PI, "FWVersion", FW_VERSION)]


@message(PI, type_name="ProductVersion")
class ProductVersion:
    """Exactly one of `local` (Konnektor, terminal) and `central`."""

    local: Annotated[ProductVersionLocal | None, Element(PI, "Local").alternative("version")] = None
    central: Annotated[str | None, Element(PI, "Central", PRODUCT_VERSION_CENTRAL).alternative("version")] = None


@message(PI, type_name="ProductTypeInformation")
class ProductTypeInformation:
    """The product type of gematik and its version."""

    product_type: Annotated[str, Element(PI, "ProductType", PRODUCT_TYPE)]
    product_type_version: Annotated[str, Element(PI, "ProductTypeVersion", PRODUCT_TYPE_VERSION)]


@message(PI, type_name="ProductIdentification")
class ProductIdentification:
    """The maker's codes and the version."""

    product_vendor_id: Annotated[str, Element(PI, "ProductVendorID", PRODUCT_VENDOR_ID)]
    product_code: Annotated[str, Element(PI, "ProductCode", PRODUCT_CODE)]
    product_version: Annotated[ProductVersion, Element(PI, "ProductVersion")]


@message(PI, type_name="ProductMiscellaneous")
class ProductMiscellaneous:
    """The maker's names."""

    product_vendor_name: Annotated[str, Element(PI, "ProductVendorName", PRODUCT_VENDOR_NAME)]
    product_name: Annotated[str, Element(PI, "ProductName", PRODUCT_NAME)]


@message(PI, root="ProductInformation", type_name="ProductInformation")
class ProductInformation:
    """`information_date` is the time of the query."""

    information_date: Annotated[datetime, Element(PI, "InformationDate", DATE_TIME)]
    product_type_information: Annotated[ProductTypeInformation, Element(PI, "ProductTypeInformation")]
    product_identification: Annotated[ProductIdentification, Element(PI, "ProductIdentification")]
    product_miscellaneous: Annotated[ProductMiscellaneous, Element(PI, "ProductMiscellaneous")]


PRODUCT_INFORMATION = Element(PI, "ProductInformation")
