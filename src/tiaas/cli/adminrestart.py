"""`tiaas admin restart`, and what else restarts an instance: waits until it is managed again, or says why it is not."""

import argparse
import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

from tiaas.base.dataclass import dataclass
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
_REFUSES_SECONDS = 3.0

T = TypeVar("T")


def register_restart(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `restart`."""
    action("restart", "restart the instance, and wait until it is there again", _restart)


def _restart(args: argparse.Namespace) -> int:
    _, reason = with_restart(args, lambda admin: admin.exchange("POST", "/system/restart"))
    return said_whether_back(reason)


def with_restart(
    args: argparse.Namespace, ask: Callable[[Admin], Awaitable[T]], restarts: Callable[[T], bool] = lambda answer: True
) -> tuple[T, str]:
    """What `ask` is answered, and, if the answer says that the instance `restarts`, why it did not come back; empty if
    it did. Raises what `with_admin` raises."""
    node = node_access(args)

    async def work(admin: Admin) -> tuple[T, str]:
        before = await admin.read("/system", SystemState)
        answer = await ask(admin)
        return answer, await _why_not_back(admin, node, before) if restarts(answer) else ""

    return with_admin(args, work)


def said_whether_back(reason: str) -> int:
    """Tells the person what came of a restart; the exit code."""
    if not reason:
        out("the instance has restarted")
        return ExitCode.OK
    note(f"tiaas: the instance did not come back: {reason}")
    note("tiaas: what to do: remove what is in the way (a port that is taken, a full disk); the node tries to start it")
    note("tiaas: every ten seconds, and says more in its log")
    return ExitCode.FAILED


async def _why_not_back(admin: Admin, node: AdminAccess | None, before: SystemState) -> str:
    """Empty as soon as it is back; else why not, which the node knows at once and a client after a long wait."""
    until = time.monotonic() + WAIT_SECONDS
    seen = _Seen(before.serves_since, time.monotonic() + _REFUSES_SECONDS)
    while True:
        silence = await seen.silence(admin)
        if not silence:
            return ""
        reason = None if node is None else await _told_by(node, before.name)
        if reason is not None or time.monotonic() > until:
            return reason or silence
        await asyncio.sleep(_LOOK_SECONDS)


@dataclass(slots=True)
class _Seen:
    """What was seen of an instance that is to restart. `refusals_count_from` is a time of `time.monotonic`."""

    before: datetime | None
    refusals_count_from: float
    was_away: bool = False

    async def silence(self, admin: Admin) -> str:
        """Empty if the instance is back, else how it is seen that it is not."""
        try:
            state = await admin.read("/system", SystemState)
        except AdminRefused as refused:
            # Sessions end with the instance, and other accounts may have come with it, which the one that is about to
            # stop has already.
            is_back = self.was_away or time.monotonic() > self.refusals_count_from
            return "" if refused.status == HTTPStatus.UNAUTHORIZED and is_back else refused.detail
        except KonnektorUnreachable as error:
            self.was_away = True
            return "" if _shows_another_certificate(error) else str(error)
        return "" if state.serves_since not in (None, self.before) else "it has not stopped yet"


def _shows_another_certificate(error: BaseException) -> bool:
    """Whether what answers is not who was known: one in the delivery state, or with an identity that was imported."""
    cause = error.__cause__ or error.__context__
    return isinstance(error, ssl.SSLCertVerificationError) or (cause is not None and _shows_another_certificate(cause))


async def _told_by(node: AdminAccess, name: str) -> str | None:
    """What the node knows of an instance that did not restart."""
    try:
        async with connect_admin(node) as admin:
            hosted = (await admin.read("/instances", HostedInstances)).instances
    except ClientError:
        return None
    return next((each.not_restarted for each in hosted if each.name == name), None)
