"""`tiaas admin adapters …` and `gateways …`: adapters, routes, DHCP and gateways of a box (profile einbox)."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.writer import out_fields
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.boxnetwork import BoxGateways, BoxNetworkSettings, BoxNetworkState
from tiaas.interfaces.management.documents import plain, read

_ADAPTERS, _STATE, _GATEWAYS = "/adapters", "/adapters/state", "/vpn/gateways"
_EMPTY = "none"
_ROUTES = "intranet_routes"


def register_adapters(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `adapters`, `gateways`."""
    adapters = action(
        "adapters", "a box's adapters, routes and DHCP: show, set, renew a lease (profile einbox)", _adapters
    )
    adapters.add_argument("what", nargs="?", choices=("show", "set", "renew"), default="show")
    adapters.add_argument(
        "words",
        nargs="*",
        metavar="NAME=VALUE",
        help="set: like lan.address=192.168.7.1; lists as A,B or none; routes as NET@HOP. renew: lan or wan",
    )
    gateways = action("gateways", "what stands for a box's VPN-Konzentratoren, or set it (profile einbox)", _gateways)
    gateways.add_argument("words", nargs="*", metavar="WAY=HOST:PORT", help="ti=… or sis=…; nothing behind =: no way")


def _adapters(args: argparse.Namespace) -> int:
    held: dict[str, Any] = {}

    async def work(admin: Admin) -> BoxNetworkState:
        if args.what == "renew":
            if len(args.words) != 1:
                raise InvalidInput("renew what? tiaas admin adapters renew lan|wan")
            return await admin.change("POST", path_of("/adapters/{}/renew", args.words[0]), kind=BoxNetworkState)
        held.update(plain(await admin.read(_ADAPTERS, BoxNetworkSettings)))
        if args.what == "show":
            if args.words:
                raise InvalidInput("to set something: tiaas admin adapters set NAME=VALUE …")
            return await admin.read(_STATE, BoxNetworkState)
        for word in args.words:
            _set(held, word)
        return await admin.change("PUT", _ADAPTERS, read(BoxNetworkSettings, held), BoxNetworkState)

    def text(state: BoxNetworkState) -> None:
        out_fields({name: _told(value) for name, value in _flat(held)} | _state_fields(state))

    return shown(args, with_admin(args, work), text)


def _state_fields(state: BoxNetworkState) -> dict[str, str]:
    fields = {"in force": "yes" if state.in_force else f"no: {state.reason}"}
    for adapter in state.adapters:
        dhcp = f" (DHCP: {adapter.dhcp})" if adapter.dhcp else ""
        fields[f"{adapter.name} now"] = f"{adapter.device} {adapter.address or 'without address'}{dhcp}"
    for at, route in enumerate(state.routes, 1):
        hop = f" via {route.next_hop}" if route.next_hop else ""
        fields[f"route {at}"] = f"{route.target}{hop} dev {route.device}"
    return fields | {"DHCP server now": state.dhcp_server}


def _flat(held: Mapping[str, Any]) -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for name, value in held.items():
        inner = value.items() if isinstance(value, dict) else ()
        pairs += [(f"{name}.{key}", each) for key, each in inner] or [(name, value)]
    return pairs


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        words = [f"{each['network']}@{each['next_hop']}" if isinstance(each, dict) else str(each) for each in value]
        return ",".join(words) or _EMPTY
    return str(value)


def _set(held: dict[str, Any], word: str) -> None:
    """Puts NAME=VALUE into a document. Raises `InvalidInput`."""
    name, is_given, text = word.partition("=")
    known = dict(_flat(held))
    if not is_given or name not in known:
        raise InvalidInput(f"{word}: write NAME=VALUE; names are {', '.join(known)}")
    table, _, key = name.rpartition(".")
    place = held[table] if table else held
    place[key] = _value(known[name], text, name)


def _value(before: object, text: str, name: str) -> object:
    if isinstance(before, bool):
        if text not in ("true", "false"):
            raise InvalidInput(f"{name} is true or false")
        return text == "true"
    if isinstance(before, int):
        if not text.isascii() or not text.isdigit():
            raise InvalidInput(f"{name} is a whole number")
        return int(text)
    if isinstance(before, list):
        words = [each.strip() for each in text.split(",")] if text not in ("", _EMPTY) else []
        return [_route(each) for each in words] if name == _ROUTES else words
    return text


def _route(text: str) -> dict[str, str]:
    network, at, hop = text.partition("@")
    if not at:
        raise InvalidInput(f"{text}: a route is NETWORK@NEXT_HOP, like 10.1.0.0/16@192.168.7.5")
    return {"network": network, "next_hop": hop}


def _gateways(args: argparse.Namespace) -> int:
    async def work(admin: Admin) -> BoxGateways:
        held = await admin.read(_GATEWAYS, BoxGateways)
        if not args.words:
            return held
        document: dict[str, Any] = plain(held)
        for word in args.words:
            _set(document, word)
        return await admin.change("PUT", _GATEWAYS, read(BoxGateways, document), BoxGateways)

    def text(gateways: BoxGateways) -> None:
        out_fields({name: value or _EMPTY for name, value in (("ti", gateways.ti), ("sis", gateways.sis))})

    return shown(args, with_admin(args, work), text)
