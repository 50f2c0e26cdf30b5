"""Operating data through the management interface (gemSpec_Kon V5.18 A_21137)."""

from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Octets, Route, get
from tiaas.konnektor.operatingdata import operating_data

_XML = "application/xml"


async def _read(call: Call) -> Octets:
    return Octets(operating_data(instance_of(call)), _XML, "OperatingData.xml")


OPERATING_DATA_ROUTES: tuple[Route, ...] = (
    get("/system/operating-data", INSTANCE_ROLES, "Operating data (OperatingData.xsd)", _read, None, media_type=_XML),
)
