"""The events of a box's adapters and DHCP (gemSpec_Kon V5.18 TIP1-A_4759, 4760, 4766, 4772, 4773, annex F)."""

from collections.abc import Mapping
from ipaddress import IPv4Interface

from tiaas.interfaces.management.boxnetwork import AdapterName, BoxNetworkSettings
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic, parameters

_CHANGED: Mapping[AdapterName, tuple[Topic, EventSeverity]] = {
    AdapterName.LAN: (Topic.ANLW_LAN_IP_CHANGED, EventSeverity.WARNING),
    AdapterName.WAN: (Topic.ANLW_WAN_IP_CHANGED, EventSeverity.INFO),
}
_RENEW = {AdapterName.LAN: Topic.DHCP_LAN_CLIENT_RENEW, AdapterName.WAN: Topic.DHCP_WAN_CLIENT_RENEW}
_SWITCHED = {AdapterName.LAN: Topic.DHCP_LAN_CLIENT_STATECHANGED, AdapterName.WAN: Topic.DHCP_WAN_CLIENT_STATECHANGED}


def tell_address(hub: EventHub, name: AdapterName, address: IPv4Interface) -> None:
    """An adapter has another address or network, by management or DHCP; not delivered."""
    topic, severity = _CHANGED[name]
    hub.publish(Event(topic, parameters(("IP", address.ip)), severity=severity, deliver=False))


def tell_lease(hub: EventHub, name: AdapterName, address: IPv4Interface) -> None:
    """A DHCP server has given or renewed a lease."""
    hub.publish(Event(_RENEW[name], parameters(("IP_ADDRESS", address.ip))))


def tell_switches(hub: EventHub, before: BoxNetworkSettings, after: BoxNetworkSettings) -> None:
    """DHCP_SERVER_STATE, DHCP_CLIENT_LAN_STATE, DHCP_CLIENT_WAN_STATE, each if it is another now."""
    switches = (
        (Topic.DHCP_SERVER_STATECHANGED, before.dhcp_server.enabled, after.dhcp_server.enabled),
        (_SWITCHED[AdapterName.LAN], before.lan.dhcp_client, after.lan.dhcp_client),
        (_SWITCHED[AdapterName.WAN], before.wan.dhcp_client, after.wan.dhcp_client),
    )
    for topic, was, is_on in switches:
        if was is not is_on:
            hub.publish(Event(topic, parameters(("STATE", "Enabled" if is_on else "Disabled"))))
