"""`tiaas events`: subscribes at a Konnektor and shows the events live, as a practice software would get them."""

import argparse
import asyncio
import math
import signal
import socket
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from tiaas.base.clock import Clock, SystemClock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, choose_kon
from tiaas.cli.writer import in_line, json_text, note, out_live
from tiaas.client import (
    CetpReceiver,
    ClientError,
    EventSubscription,
    Kon,
    Konnektor,
    KonnektorFault,
    ReceivedEvent,
    connect,
    receive_events,
)

_BOOTED = "BOOTUP/BOOTUP_COMPLETE"
_RENEW_BEFORE = timedelta(hours=1)
_LOOK_AT_CLOCK_SECONDS = 60.0


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `events`."""
    parser = subparsers.add_parser(
        "events",
        description="Subscribe (EventService 7.2) and CETP. Renews in time, subscribes again after a boot, and "
        "unsubscribes at the end (Ctrl-C, SIGTERM, --count, --seconds).",
    )
    parser.add_argument("--topic", default="", metavar="TOPIC", help="only topics that begin like this: CARD, CT, …")
    parser.add_argument("--filter", metavar="XPATH", help="only events for which this XPath gives something")
    parser.add_argument("--count", type=_positive, metavar="N", help="end after N events")
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="end after S seconds")
    parser.add_argument(
        "--listen",
        metavar="ADDR[:PORT]",
        help="where to receive (default: the address this machine reaches the Konnektor from, a free port)",
    )
    add_konnektor_arguments(parser)


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return number


def run(args: argparse.Namespace) -> int:
    """Shows events until told to stop."""
    kon = choose_kon(args)
    host, port = _own_address(kon) if args.listen is None else _parse_address(args.listen)
    asyncio.run(_watch(args, kon, host, port))
    return ExitCode.OK


def _own_address(kon: Kon) -> tuple[str, int]:
    """The address from which the Konnektor is reached; nothing is sent to find it."""
    url = urlsplit(kon.url)
    found = socket.getaddrinfo(url.hostname, url.port or 443, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0]), 0


def _parse_address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    try:
        host = str(ip_address(parts.hostname or ""))
        return host, parts.port or 0
    except ValueError:
        raise InvalidInput(f"{text} is not an IP address with or without port") from None


async def _watch(args: argparse.Namespace, kon: Kon, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with receive_events(host, port) as receiver, connect(kon) as konnektor:
        shown = f"[{host}]" if ":" in host else host
        watch = _Watch(konnektor, f"cetp://{shown}:{receiver.port}", args.topic, args.filter, SystemClock())
        # Subscribe is checked for the whole Mandant: only this tells of a workplace that will never get a card's event.
        await konnektor.get_cards()
        await watch.subscribe()
        note(f"subscribed, events come to {watch.event_to}; Ctrl-C ends")
        try:
            async with asyncio.timeout(args.seconds):
                await _show(watch, receiver, stop, args.count, as_json=args.json)
        except TimeoutError:
            pass
        finally:
            await watch.end()


async def _show(
    watch: "_Watch", receiver: CetpReceiver, stop: asyncio.Event, count: int | None, *, as_json: bool
) -> None:
    stopping = asyncio.create_task(stop.wait())
    coming = asyncio.create_task(receiver.next())
    left = count
    try:
        while left is None or left > 0:
            done, _ = await asyncio.wait(
                (stopping, coming), timeout=_LOOK_AT_CLOCK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if coming in done:
                received = coming.result()
                coming = asyncio.create_task(receiver.next())
                out_live(_json(received) if as_json else in_line(_line(received)))
                left = None if left is None else left - 1
                if received.event.topic == _BOOTED:
                    await watch.subscribe()
            if stopping in done:
                return
            await watch.renew()
    finally:
        for task in (stopping, coming):
            task.cancel()


@dataclass(slots=True)
class _Watch:
    """The subscription behind the display."""

    konnektor: Konnektor
    event_to: str
    topic: str
    xpath: str | None
    clock: Clock
    held: EventSubscription | None = None

    async def subscribe(self) -> None:
        self.held = await self.konnektor.subscribe(self.event_to, self.topic, self.xpath)

    async def renew(self) -> None:
        if self.held is None or self.held.ends - self.clock.now() > _RENEW_BEFORE:
            return
        try:
            (self.held,) = await self.konnektor.renew_subscriptions(self.held.subscription_id)
        except KonnektorFault:
            await self.subscribe()

    async def end(self) -> None:
        if self.held is None:
            return
        try:
            await self.konnektor.unsubscribe(self.held.subscription_id)
        except ClientError as error:
            note(f"tiaas: not unsubscribed: {error}")


def _line(received: ReceivedEvent) -> str:
    event = received.event
    pairs = "  ".join(f"{key}={value}" for key, value in received.parameters.items())
    at = received.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    return f"{at}  {event.severity.value:<7}  {event.topic:<28}  {pairs}".rstrip()


def _json(received: ReceivedEvent) -> str:
    event = received.event
    document = {
        "at": received.at.isoformat(timespec="milliseconds"),
        "topic": event.topic,
        "type": event.type.value,
        "severity": event.severity.value,
        "subscription_id": event.subscription_id,
        "parameters": received.parameters,
        "tls": received.tls,
    }
    return json_text(document)
