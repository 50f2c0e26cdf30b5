"""Starts the status page: the node's JSON interface and the portal that reads it, each a server on loopback."""

from collections.abc import Mapping
from contextlib import AsyncExitStack

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.konnektor.node import Node
from tiaas.konnektor.statusapi import TOKEN_OCTETS, status_app
from tiaas.lab.lab import LOOPBACK
from tiaas.lab.ports import Ports
from tiaas.lab.server import LabServer
from tiaas.portal.app import Portal, portal_app
from tiaas.portal.labhand import LabHand
from tiaas.portal.statusclient import StatusClient

PORTAL_PORT = 8440
STATUS_PORT = 8441


async def start(
    ports: Ports,
    node: Node,
    control_url: str,
    titles: Mapping[str, str],
    stack: AsyncExitStack,
    clock: Clock,
    entropy: Entropy,
) -> str:
    """Starts both; `stack` stops them. Returns the portal's URL. Raises `PortTaken`.

    The token between them lives in this process only.
    """
    token = Secret(entropy.octets(TOKEN_OCTETS).hex().encode())
    status = LabServer(status_app(lambda: node.instances, token), "status interface")
    stack.push_async_callback(status.stop)
    status_port, _ = await ports.claim(
        "status", LOOPBACK, lambda port: status.start(LOOPBACK, port), preferred=STATUS_PORT
    )
    portal = Portal(
        StatusClient(f"http://{LOOPBACK}:{status_port}", token),
        clock,
        Secret(entropy.octets(TOKEN_OCTETS).hex().encode()),
        LabHand(control_url),
        titles,
    )
    stack.push_async_callback(portal.aclose)
    server = LabServer(portal_app(portal), "portal")
    stack.push_async_callback(server.stop)
    portal_port, _ = await ports.claim(
        "portal", LOOPBACK, lambda port: server.start(LOOPBACK, port), preferred=PORTAL_PORT
    )
    stack.callback(_end_streams, node)
    return f"http://{LOOPBACK}:{portal_port}"


def _end_streams(node: Node) -> None:
    """Streams last as long as their watchers; ended first, they do not hold up the servers' stop."""
    for instance in node.instances.values():
        instance.feed.close()
