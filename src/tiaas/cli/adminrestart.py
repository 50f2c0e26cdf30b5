"""`tiaas admin restart`: restarts an instance and waits until it is managed again, or says why it is not."""

import argparse
import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from tiaas.cli.adminaccess import node_access, with_admin
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.writer import note, out
from tiaas.client.admin import Admin, AdminAccess, AdminRefused, connect_admin
from tiaas.client.errors import ClientError, KonnektorUnreachable
from tiaas.interfaces.management.base import HostedInstances
from tiaas.interfaces.management.system import SystemState

WAIT_SECONDS = 120.0
"""Calls and updates of cards under way may finish first, then terminals are waited for."""
_LOOK_SECONDS = 0.2


def register_restart(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `restart`."""
    action("restart", "restart the instance, and wait until it is there again", _restart)


def _restart(args: argparse.Namespace) -> int:
    node = node_access(args)

    async def work(admin: Admin) -> str | None:
        before = await admin.read("/system", SystemState)
        await admin.exchange("POST", "/system/restart")
        return await _why_not_back(admin, node, before)

    reason = with_admin(args, work)
    if reason is None:
        out("the instance has restarted")
        return ExitCode.OK
    note(f"tiaas: the instance did not come back: {reason}")
    note("tiaas: what to do: remove what is in the way (a port that is taken, a full disk) and start the node anew;")
    note("tiaas: more is in its log")
    return ExitCode.FAILED


async def _why_not_back(admin: Admin, node: AdminAccess | None, before: SystemState) -> str | None:
    """None as soon as it is back; else why not, which the node knows at once and a client after a long wait."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        silence = await _silence(admin, before.serves_since)
        if silence is None:
            return None
        reason = None if node is None else await _told_by(node, before.name)
        if reason is not None or time.monotonic() > until:
            return reason or silence
        await asyncio.sleep(_LOOK_SECONDS)


async def _silence(admin: Admin, before: datetime | None) -> str | None:
    """None if the instance is back, else how it is seen that it is not."""
    try:
        state = await admin.read("/system", SystemState)
    except AdminRefused as refused:
        # Sessions end with the instance; tokens stay.
        return None if refused.status == HTTPStatus.UNAUTHORIZED else refused.detail
    except KonnektorUnreachable as error:
        return str(error)
    return None if state.serves_since not in (None, before) else "it has not stopped yet"


async def _told_by(node: AdminAccess, name: str) -> str | None:
    """What the node knows of an instance that did not restart."""
    try:
        async with connect_admin(node) as admin:
            hosted = (await admin.read("/instances", HostedInstances)).instances
    except ClientError:
        return None
    return next((each.not_restarted for each in hosted if each.name == name), None)
