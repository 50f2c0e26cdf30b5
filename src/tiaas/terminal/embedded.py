"""The front inside the Konnektor's own process.

Keep-alive (SICCT V1.3.0, 6.2.4.5; gemSpec_Kon CTM_KEEP_ALIVE_INTERVAL, CTM_KEEP_ALIVE_TRY_COUNT): each terminal gets a
GET STATUS after an interval without traffic; one timer wheel serves all of them. Redialling doubles its delay with
jitter, so that thousands of terminals do not come back in one second after a restart.
"""

import asyncio
import logging
import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_fraction
from tiaas.base.errors import TiaasError
from tiaas.terminal.channel import Channel
from tiaas.terminal.dialturns import DialTurns
from tiaas.terminal.front import (
    KEEP_ALIVE_MAX,
    Dial,
    FrontError,
    LinkDown,
    LinkEvent,
    LinkUp,
    Owner,
    Patience,
    StaleEpoch,
    TerminalGone,
    TerminalUnknown,
    UnitEvent,
)
from tiaas.terminal.sicct.events import Event, EventTag
from tiaas.terminal.sicct.units import is_slot
from tiaas.terminal.wheel import Wheel

_log = logging.getLogger("tiaas.terminal")

_TICKS = 20  # a second: with ten thousand terminals a second's keep-alives at once would hold everybody up for 40 ms
_QUIET_SECONDS = 3.0  # no GET STATUS sooner after other traffic (6.2.4.5)
_HUNG_FACTOR = 2  # a terminal that still sends events but answers nothing gets as many times keep_alive_tries
_STEADY_SECONDS = 10.0  # a connection that lasted this long starts the redial delays anew


class Dialer(Protocol):
    """Opens connections on behalf of one instance (its `Network` decides how)."""

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        """Connects, does TLS (no host name check: a terminal's identity is its certificate). Raises `OSError`."""
        ...


class ClientTls(Protocol):
    """Gives the client context of an instance: key and certificate ID.SAK.AUT."""

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        """A TLS 1.2 client context with the suites of `tls_profile` (`ecc`, `rsa`, `any`); cached by the provider.

        `terminal.tls.client_context` makes one. Raises a `TiaasError` or `OSError` if the identity cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """Times in seconds. The first three are those of `Patience`, for terminals whose `Dial` has none."""

    keep_alive_interval: int = 10
    keep_alive_tries: int = 3
    handshake_timeout: float = 10.0
    redial_first: float = 1.0
    redial_most: float = 15.0
    dialing_at_once: int = 32

    def __post_init__(self) -> None:
        self.patience  # noqa: B018 (its ranges are checked)

    @property
    def patience(self) -> Patience:
        """The first three; raises `InvalidInput`."""
        return Patience(self.keep_alive_interval, self.keep_alive_tries, self.handshake_timeout)


@dataclass(slots=True)
class _Instance:
    epoch: int
    sink: Callable[[LinkEvent], None]
    links: dict[str, "_Link"] = field(default_factory=dict)


class EmbeddedFront:
    """Implements `Front`. All calls belong to one event loop."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        network: Callable[[str], Dialer],
        tls: ClientTls,
        settings: FrontSettings | None = None,
    ) -> None:
        """`network` gives the dialer of an instance by its name."""
        self.clock = clock
        self.settings = settings or FrontSettings()
        self._entropy = entropy
        self._network = network
        self._tls = tls
        self._instances: dict[str, _Instance] = {}
        self._patience = self.settings.patience
        self._wheel: Wheel[Channel] = Wheel(KEEP_ALIVE_MAX * _TICKS)
        self._tick_handle: asyncio.TimerHandle | None = None
        self._turns = DialTurns(self.settings.dialing_at_once)

    def claim(self, owner: Owner, sink: Callable[[LinkEvent], None]) -> None:
        """See `Front.claim`. Connections stay; exchanges of the former owner end with `StaleEpoch`."""
        instance = self._instances.get(owner.instance)
        if instance is None:
            self._instances[owner.instance] = _Instance(owner.epoch, sink)
            return
        if owner.epoch < instance.epoch:
            raise StaleEpoch(f"epoch {owner.epoch} < {instance.epoch}")
        instance.epoch, instance.sink = owner.epoch, sink
        for link in list(instance.links.values()):
            link.claimed(owner.epoch)

    async def connect(self, owner: Owner, dial: Dial) -> None:
        """See `Front.connect`. Another address or profile for a known ctId replaces its connection."""
        instance = self._acting(owner)
        link = instance.links.get(dial.ct_id)
        if link is not None and link.dial == dial:
            return
        if link is not None:
            link.stop()
        link = instance.links[dial.ct_id] = _Link(self, instance, owner.instance, dial)
        link.start(0.0)

    async def disconnect(self, owner: Owner, ct_id: str) -> None:
        """See `Front.disconnect`; nothing happens for an unknown ctId."""
        link = self._acting(owner).links.pop(ct_id, None)
        if link is not None:
            link.stop()

    async def exchange(self, owner: Owner, ct_id: str, unit: int, payload: bytes, wait: float) -> bytes:
        """See `Front.exchange`. Card slots take one command after the other; unit 0 takes several at a time."""
        link = self._acting(owner).links.get(ct_id)
        if link is None:
            raise TerminalUnknown(ct_id)
        if not is_slot(unit):
            return await link.exchange(unit, payload, wait, owner.epoch)
        async with link.slot_lock(unit):
            self._acting(owner)  # ownership may have moved while this call stood in line
            return await link.exchange(unit, payload, wait, owner.epoch)

    async def close(self) -> None:
        """Ends everything: all connections, dialling and timers."""
        links = [link for instance in self._instances.values() for link in instance.links.values()]
        self._instances.clear()
        for link in links:
            link.stop()
        if self._tick_handle is not None:
            self._tick_handle.cancel()
            self._tick_handle = None
        await asyncio.gather(*(link.stopped() for link in links))

    @property
    def connected(self) -> int:
        """How many terminals are connected right now."""
        return len(self._wheel)

    def _acting(self, owner: Owner) -> _Instance:
        instance = self._instances.get(owner.instance)
        if instance is None or owner.epoch > instance.epoch:
            raise FrontError(f"epoch {owner.epoch} of {owner.instance} was not claimed")
        if owner.epoch < instance.epoch:
            raise StaleEpoch(f"epoch {owner.epoch} < {instance.epoch}")
        return instance

    async def open_channel(self, instance: str, dial: Dial, channel: Channel, failures: int) -> None:
        """Dials once, within the handshake timeout; raises whatever the network or the identity raises."""
        context = self._tls.context(instance, dial.tls_profile)
        async with self._turns.turn(failures), asyncio.timeout((dial.patience or self._patience).handshake_timeout):
            await self._network(instance).open(dial.host, dial.port, context, lambda: channel)

    def redial_delay(self, failures: int) -> float:
        """Seconds before the next attempt: doubled per failure up to the most, times 0.5 … 1.5."""
        steady = min(self.settings.redial_most, self.settings.redial_first * 2.0 ** min(failures, 16))
        return steady * (0.5 + random_fraction(self._entropy))

    def watch(self, channel: Channel) -> None:
        """Puts a channel under keep-alive."""
        self._wheel.schedule(channel, self._patience_with(channel).keep_alive_interval * _TICKS)
        if self._tick_handle is None:
            self._tick_handle = asyncio.get_running_loop().call_later(1 / _TICKS, self._tick)

    def _patience_with(self, channel: Channel) -> Patience:
        return channel.patience or self._patience

    def unwatch(self, channel: Channel) -> None:
        """Takes it out again."""
        self._wheel.cancel(channel)

    def _tick(self) -> None:
        self._tick_handle = None
        if len(self._wheel):
            self._tick_handle = asyncio.get_running_loop().call_later(1 / _TICKS, self._tick)
        now = self.clock.monotonic()
        for channel in self._wheel.advance():
            try:
                self._check(channel, now)
            except Exception:  # noqa: BLE001 (the others, of other instances too, need their keep-alive all the same)
                _log.exception("keep-alive failed")
                channel.abort("keep-alive failed")

    def _check(self, channel: Channel, now: float) -> None:
        """A channel's keep-alive moment: give up, wait a little, or send GET STATUS.

        Only our own commands postpone it: a terminal closes after 120 s without one, however many events it sends.
        """
        patience = self._patience_with(channel)
        interval, tries = patience.keep_alive_interval, patience.keep_alive_tries
        age = now - channel.spoke_at
        if channel.overdue(now) or channel.misses >= tries:
            channel.abort("no sign of life")
            return
        if channel.unanswered >= _HUNG_FACTOR * tries and not channel.waited_for:
            channel.abort("commands are not answered")
            return
        if channel.misses == 0 and age < min(_QUIET_SECONDS, interval / 2):
            self._wheel.schedule(channel, max(1, int((interval - age) * _TICKS)))
            return
        channel.misses += 1
        channel.keep_alive()
        self._wheel.schedule(channel, interval * _TICKS)


class _Link:
    """A terminal that was asked for: dialled, connected or waiting for the next attempt. Is the channel's owner."""

    __slots__ = (
        "_channel",
        "_failures",
        "_front",
        "_handle",
        "_instance",
        "_name",
        "_slot_locks",
        "_stopped",
        "_task",
        "dial",
    )

    def __init__(self, front: EmbeddedFront, instance: _Instance, name: str, dial: Dial) -> None:
        self.dial = dial
        self._front = front
        self._instance = instance
        self._name = name
        self._channel: Channel | None = None
        self._task: asyncio.Task[None] | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._failures = 0
        self._stopped = False
        self._slot_locks: dict[int, asyncio.Lock] = {}

    def start(self, delay: float) -> None:
        """Dials after `delay` seconds."""
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(delay, self._launch) if delay else None
        if not delay:
            self._launch()

    def stop(self) -> None:
        """No more dialling; the connection closes; nobody hears of it any more."""
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._channel is not None:
            self._channel.close()

    async def stopped(self) -> None:
        """Waits until the dialling task has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def claimed(self, epoch: int) -> None:
        """There is a new owner."""
        if self._channel is not None:
            self._channel.refuse_below(epoch)
            self._tell_up(self._channel)

    def slot_lock(self, unit: int) -> asyncio.Lock:
        """Keeps the commands to one card in order."""
        return self._slot_locks.setdefault(unit, asyncio.Lock())

    async def exchange(self, unit: int, payload: bytes, wait: float, epoch: int) -> bytes:
        """One command and its answer on the present connection."""
        if self._channel is None:
            raise TerminalGone(self.dial.ct_id)
        return await self._channel.exchange(unit, payload, wait, epoch)

    def monotonic(self) -> float:
        """See `ChannelOwner`."""
        return self._front.clock.monotonic()

    def channel_up(self, channel: Channel) -> None:
        """See `ChannelOwner`."""
        if self._stopped:
            channel.abort("not wanted any more")
            return
        self._channel = channel
        self._front.watch(channel)
        self._tell_up(channel)

    def channel_down(self, channel: Channel, reason: str) -> None:
        """See `ChannelOwner`."""
        self._front.unwatch(channel)
        if self._channel is not channel:
            return
        self._channel = None
        if not self._stopped:
            lasted = self.monotonic() - channel.since
            self._failed(reason, 0 if lasted >= _STEADY_SECONDS else self._failures)

    def channel_event(self, event: Event) -> None:
        """See `ChannelOwner`."""
        if event.tag != EventTag.KEEP_ALIVE and not self._stopped:
            self._instance.sink(UnitEvent(self.dial.ct_id, event.tag, event.value))

    def _tell_up(self, channel: Channel) -> None:
        certificate = channel.certificate
        if certificate is None:
            channel.abort("terminal showed no certificate")
        else:
            self._instance.sink(LinkUp(self.dial.ct_id, certificate, channel.cipher, channel.session_open))

    def _launch(self) -> None:
        self._handle = None
        self._task = asyncio.get_running_loop().create_task(self._dial_once())

    async def _dial_once(self) -> None:
        try:
            channel = Channel(self, self.dial.patience)
            await self._front.open_channel(self._name, self.dial, channel, self._failures)
        except Exception as failure:  # noqa: BLE001 (name resolution raises UnicodeError and ValueError, too)
            if not isinstance(failure, OSError | TiaasError):
                _log.warning("dialling failed unexpectedly", extra={"kind": type(failure).__name__})
            if self._channel is None and not self._stopped:
                self._failed(f"dial: {type(failure).__name__}", self._failures)
        finally:
            self._task = None

    def _failed(self, reason: str, failures: int) -> None:
        self._failures = failures + 1
        self.start(self._front.redial_delay(failures))
        _log.info("terminal not reachable", extra={"instance": self._name, "ct_id": self.dial.ct_id, "reason": reason})
        self._instance.sink(LinkDown(self.dial.ct_id, reason))
