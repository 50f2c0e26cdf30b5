"""Which central systems an instance uses, and whether they can be reached (gemSpec_Kon V5.18 A_23276, TIP1-A_5542).

Whoever asks has them tried by a TCP connection each, all at once. Time servers speak UDP: of them the last comparison
of time is told. Offline (MGM_LU_ONLINE) nobody is tried.
"""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

from tiaas.interfaces.management.centralsystems import CentralSystem, CentralSystems
from tiaas.interfaces.management.system import Reachability, ReachabilityTest
from tiaas.konnektor.admin.asked import instance_of, require_online
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Route, get, post
from tiaas.konnektor.config import Address, BoxAccess, Profile
from tiaas.konnektor.instance import Instance

_PORTS = {"http": 80, "https": 443, "ldap": 389, "ldaps": 636}
_OFFLINE = "MGM_LU_ONLINE is off"
_BLOCKED = "EC_FW_Not_Valid_Status_Blocked"


async def _reach(call: Call) -> Reachability:
    instance, wish = instance_of(call), call.body(ReachabilityTest)
    # Whether a host is in the practice's LAN or behind the TI nobody can tell from its address.
    require_online(instance, "nobody is tried")
    return await _try(instance, Address(wish.host, wish.port))


async def _systems(call: Call) -> CentralSystems:
    instance = instance_of(call)
    told = await asyncio.gather(*(_told(instance, name, at) for name, at in _connected(instance)))
    return CentralSystems((*told, *_time_servers(instance)))


async def _told(instance: Instance, name: str, where: Address) -> CentralSystem:
    mode = instance.context.online_mode
    if not mode.active:
        return CentralSystem(name, where.host, where.port, None, None, _BLOCKED if mode.is_blocked else _OFFLINE)
    found = await _try(instance, where)
    now = instance.context.clock.now()
    return CentralSystem(name, where.host, where.port, found.is_reachable, now, found.reason)


async def _try(instance: Instance, where: Address) -> Reachability:
    clock = instance.context.clock
    begun = clock.monotonic()
    reason = ""
    try:
        (await instance.network.open(where.host, where.port, None, asyncio.Protocol)).close()
    except OSError as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
    return Reachability(not reason, reason, round((clock.monotonic() - begun) * 1000))


def _connected(instance: Instance) -> Iterator[tuple[str, Address]]:
    """The systems that are spoken to by TCP, each of which the instance has the address of."""
    ti = instance.config.ti
    box = instance.config.box if instance.config.profile is Profile.EINBOX else BoxAccess()
    urls = (
        ("TSL service", ti.tsl_url),
        ("BNetzA-VL", ti.bnetza_url),
        ("OCSP forwarder", ti.ocsp_forwarder),
        ("Intermediär VSDM", ti.intermediaer),
        ("VZD", ti.vzd),
        ("KSR", ti.ksr_url),
        ("CRL", box.crl_url),
    )
    for name, url in urls:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        if parts.hostname and port:
            yield name, Address(parts.hostname, port)
    for name, gateway in (("VPN-Konzentrator TI", box.vpn_ti), ("VPN-Konzentrator SIS", box.vpn_sis)):
        if gateway is not None:
            yield name, gateway


def _time_servers(instance: Instance) -> Iterator[CentralSystem]:
    record = instance.health.time.record
    for server in instance.config.ti.ntp:
        if record.attempt is None:
            yield CentralSystem("NTP", server.host, server.port, None, None, _OFFLINE)
            continue
        failed = record.failing_since is not None
        reason = "no time server answered" if failed else ""
        yield CentralSystem("NTP", server.host, server.port, not failed, record.attempt, reason)


CENTRAL_SYSTEM_ROUTES: tuple[Route, ...] = (
    get(
        "/system/central-systems",
        INSTANCE_ROLES,
        "The systems of the TI, each tried now whether it can be reached",
        _systems,
        CentralSystems,
    ),
    post(
        "/system/reachability",
        INSTANCE_ROLES,
        "Tests whether a host can be reached",
        _reach,
        request=ReachabilityTest,
        response=Reachability,
        changes=False,
    ),
)
