"""What an administrator of a box does by hand, profile einbox: its ways to TI and SIS, its CRL.

gemSpec_Kon V5.18: TUC_KON_321 and 322 ("manueller Aufruf über Managementschnittstelle"), TIP1-A_4706.
"""

from tiaas.interfaces.management.system import LIST_OCTETS, ListImport
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import conflict, not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, post
from tiaas.konnektor.box import Box
from tiaas.konnektor.boxnetwork import Way

_WAYS = {way.text: way for way in Way}
_DOCUMENT_OCTETS = LIST_OCTETS * 3 // 2


async def _connect(call: Call) -> None:
    box, way = _box(call), _WAYS.get(call.path["way"])
    if way is None or not await box.network.connect(way):
        raise not_found("such way")


async def _import_crl(call: Call) -> None:
    await _box(call).crl.take(call.body(ListImport).document)


def _box(call: Call) -> Box:
    box = instance_of(call).health.box
    if box is None:
        raise conflict("a Highspeed-Konnektor has no VPN client and no CRL", "this is for the profile einbox")
    return box


BOX_ROUTES: tuple[Route, ...] = (
    post("/vpn/{way}/connect", INSTANCE_ROLES, "Sets up the way to `ti` or `sis` of a box", _connect, changes=False),
    post(
        "/trust/crl/import",
        ON_SITE,
        "Imports a CRL (DER), box only",
        _import_crl,
        request=ListImport,
        body_octets=_DOCUMENT_OCTETS,
    ),
)
