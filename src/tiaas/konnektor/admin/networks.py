"""Networks behind the TI in the management interface (gemSpec_Kon V5.18 ANLW_AKTIVE_BESTANDSNETZE, TIP1-A_5153)."""

from tiaas.interfaces.management.networks import (
    ConnectedNetwork,
    NetworkChoice,
    NetworkOverview,
    NetworkSettingsData,
)
from tiaas.konnektor.admin.asked import instance_of, require_online
from tiaas.konnektor.admin.problems import conflict, not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Route, get, post, put
from tiaas.konnektor.bestandsnetze.keeper import NoSuchNetwork
from tiaas.konnektor.instance import Instance

_PATH = "/networks"


async def _read(call: Call) -> NetworkOverview:
    return _overview(instance_of(call))


async def _check(call: Call) -> NetworkOverview:
    instance = instance_of(call)
    if not instance.bestandsnetze.has_source:
        raise conflict("the instance has no KSR that tells of networks", "set ti.ksr_config_url in its configuration")
    require_online(instance, "the KSR is not asked")
    await instance.bestandsnetze.refresh()
    return _overview(instance)


async def _put_settings(call: Call) -> None:
    await instance_of(call).bestandsnetze.activate_new(call.body(NetworkSettingsData).activate_new)


async def _choose(call: Call) -> None:
    try:
        await instance_of(call).bestandsnetze.choose(
            call.path["network_id"], is_active=call.body(NetworkChoice).is_active
        )
    except NoSuchNetwork:
        raise not_found("such network") from None


def _overview(instance: Instance) -> NetworkOverview:
    held = instance.bestandsnetze
    return NetworkOverview(
        config_url=instance.config.ti.ksr_config_url,
        version=held.list.version,
        activate_new=held.choices.activate_new,
        asked=None if held.asked is None else held.asked.at,
        code=None if held.asked is None else held.asked.code,
        reason="" if held.asked is None else held.asked.reason,
        routes=tuple(map(str, held.routes)),
        networks=tuple(
            ConnectedNetwork(
                network_id=network.id,
                name=network.name,
                segments=tuple(map(str, network.segments)),
                domain=network.domain,
                servers=network.servers,
                valid_from=network.valid_from.isoformat(),
                valid_until=network.valid_until.isoformat(),
                changed=network.changed.isoformat(),
                is_active=held.is_active(network.id),
            )
            for network in held.list.networks
        ),
    )


NETWORK_ROUTES: tuple[Route, ...] = (
    get(_PATH, INSTANCE_ROLES, "Networks behind the TI, and which of them are used", _read, NetworkOverview),
    post(f"{_PATH}/check", INSTANCE_ROLES, "Fetches Bestandsnetze.xml now", _check, response=NetworkOverview),
    put(f"{_PATH}/settings", INSTANCE_ROLES, "Whether new ones are used", _put_settings, request=NetworkSettingsData),
    put(f"{_PATH}/{{network_id}}/choice", INSTANCE_ROLES, "Whether a network is used", _choose, request=NetworkChoice),
)
