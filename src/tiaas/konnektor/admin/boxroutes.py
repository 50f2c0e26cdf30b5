"""What an administrator of a box does by hand, profile einbox: its ways to TI and SIS, adapters, CRL and packet filter.

gemSpec_Kon V5.18: TUC_KON_321 and 322 ("manueller Aufruf über Managementschnittstelle"), TIP1-A_4785-03, TIP1-A_4759 to
4762, TIP1-A_4766, 4767, 4773, 4774, TIP1-A_5537, TIP1-A_4706. The packet filter is mended in the state that forbids
other management (A_16203 leaves open how).
"""

from tiaas.interfaces.management.boxnetwork import AdapterName, BoxGateways, BoxNetworkSettings, BoxNetworkState
from tiaas.interfaces.management.packetfilter import PacketFilterState
from tiaas.interfaces.management.system import LIST_OCTETS, ListImport
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import conflict, not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, get, post, put
from tiaas.konnektor.box import Box
from tiaas.konnektor.boxadapters import BoxAdapters, NoClient
from tiaas.konnektor.boxnetwork import Way
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.packetfilter import PacketFilter

_WAYS = {way.text: way for way in Way}
_DOCUMENT_OCTETS = LIST_OCTETS * 3 // 2
_FILTER = "/system/packet-filter"


async def _connect(call: Call) -> None:
    box, way = _box(call), _WAYS.get(call.path["way"])
    if way is None or not await box.network.connect(way):
        raise not_found("such way")


async def _gateways(call: Call) -> BoxGateways:
    return _box(call).network.gateways


async def _put_gateways(call: Call) -> BoxGateways:
    network = _box(call).network
    await network.configure(call.body(BoxGateways))
    return network.gateways


async def _import_crl(call: Call) -> None:
    await _box(call).crl.take(call.body(ListImport).document)


async def _filter_state(call: Call) -> PacketFilterState:
    return _shown(_filter(call))


async def _load_filter(call: Call) -> PacketFilterState:
    packet_filter = _filter(call)
    try:
        await packet_filter.load()
    except KonnektorError as error:
        raise conflict(
            f"{error} ({packet_filter.reason})", "put right what is wrong and load the rules again", code=error.code
        ) from error
    return _shown(packet_filter)


def _shown(packet_filter: PacketFilter) -> PacketFilterState:
    reason = packet_filter.reason
    return PacketFilterState(str(packet_filter.rules), packet_filter.table, not reason, reason)


def _filter(call: Call) -> PacketFilter:
    packet_filter = _box(call).packet_filter
    if packet_filter is None:
        raise conflict("the instance has no packet filter", "set box.packet_filter in its configuration")
    return packet_filter


async def _network(call: Call) -> BoxNetworkSettings:
    return _adapters(call).settings


async def _network_state(call: Call) -> BoxNetworkState:
    return await _adapters(call).state()


async def _put_network(call: Call) -> BoxNetworkState:
    adapters = _adapters(call)
    await adapters.configure(call.body(BoxNetworkSettings))
    return await adapters.state()


async def _renew(call: Call) -> BoxNetworkState:
    adapters, name = _adapters(call), call.path["adapter"]
    if name not in {each.value for each in AdapterName}:
        raise not_found("such adapter")
    try:
        await adapters.renew(AdapterName(name))
    except NoClient as error:
        raise conflict(str(error), "set dhcp_client of the adapter first") from None
    return await adapters.state()


def _adapters(call: Call) -> BoxAdapters:
    adapters = _box(call).adapters
    if adapters is None:
        raise conflict("the instance sets up no adapters", "set box.lan in its configuration")
    return adapters


def _box(call: Call) -> Box:
    box = instance_of(call).health.box
    if box is None:
        raise conflict(
            "a Highspeed-Konnektor has no VPN client, no CRL, no adapters, no packet filter",
            "this is for the profile einbox",
        )
    return box


BOX_ROUTES: tuple[Route, ...] = (
    post("/vpn/{way}/connect", INSTANCE_ROLES, "Sets up the way to `ti` or `sis` of a box", _connect, changes=False),
    get("/vpn/gateways", INSTANCE_ROLES, "What stands for the VPN-Konzentratoren of a box", _gateways, BoxGateways),
    put(
        "/vpn/gateways",
        ON_SITE,
        "Sets them; both ways are set up anew",
        _put_gateways,
        request=BoxGateways,
        response=BoxGateways,
    ),
    post(
        "/trust/crl/import",
        ON_SITE,
        "Imports a CRL (DER), box only",
        _import_crl,
        request=ListImport,
        body_octets=_DOCUMENT_OCTETS,
    ),
    get(_FILTER, INSTANCE_ROLES, "The packet filter of a box", _filter_state, PacketFilterState),
    post(
        f"{_FILTER}/load",
        ON_SITE,
        "Loads the rules of a box's packet filter again",
        _load_filter,
        response=PacketFilterState,
    ),
    get("/adapters", INSTANCE_ROLES, "Adapters, routes and DHCP of a box as set", _network, BoxNetworkSettings),
    put(
        "/adapters",
        ON_SITE,
        "Sets all of them; counts at once, or not at all",
        _put_network,
        request=BoxNetworkSettings,
        response=BoxNetworkState,
    ),
    get("/adapters/state", INSTANCE_ROLES, "Addresses, leases, routes of a box now", _network_state, BoxNetworkState),
    post(
        "/adapters/{adapter}/renew",
        INSTANCE_ROLES,
        "Renews the lease of `lan` or `wan` of a box",
        _renew,
        response=BoxNetworkState,
        changes=False,
    ),
)
