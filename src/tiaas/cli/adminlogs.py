"""`tiaas admin …` for logs and what an administrator resets: entries, settings, conditions, misuse detection."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiaas.base.clock import SystemClock
from tiaas.base.errors import InvalidInput
from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.logs import since_of
from tiaas.cli.outputfiles import write
from tiaas.cli.writer import local_time, out, out_fields, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.documents import plain, read
from tiaas.interfaces.management.logs import LeastSeverity, LogEntries, LogEntry, LogList, LogParameters
from tiaas.interfaces.management.system import AlarmValue, MisuseSettings

_SETTINGS = "/log-settings"


def register_logs(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `logs`, `log`, `clear-log`, `log-settings`, `reset-condition`, `misuse`."""
    action("logs", "all logs of the instance", _logs)
    log = action("log", "entries of a log, the newest last; or export them", _log)
    log.add_argument("log", metavar="LOG", help="system, security, performance, fm-VSDM …")
    log.add_argument("--since", metavar="WHEN", help="from then on: 2026-01-31T12:00, or 30m, 12h, 7d ago")
    log.add_argument("--until", metavar="WHEN", help="up to then, in the same words")
    log.add_argument("--severity", choices=[each.value for each in LeastSeverity], help="this one or a worse one")
    log.add_argument("--topic", metavar="TEXT", help="how the topic begins")
    log.add_argument("--code", type=int, metavar="N", help="only entries with this error code")
    log.add_argument("--event", metavar="ID", help="EventID, LogReference or MessageID of a fault")
    log.add_argument("--search", metavar="TEXT", help="only entries with this text")
    log.add_argument("--count", type=int, default=200, metavar="N", help="the last N entries (default 200)")
    log.add_argument("--export", type=Path, metavar="FILE", help="write them to FILE as JSON lines")
    clear = action("clear-log", "delete the entries of a log; never of the security log", _clear)
    clear.add_argument("log", metavar="LOG")
    settings = action("log-settings", "show levels, sizes and days of the logs, or set some", _settings)
    settings.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="of a Fachmodul: fachmodule.VSDM.level")
    reset = action("reset-condition", "reset an error condition that waits for an administrator", _reset)
    reset.add_argument("name", metavar="NAME", help="like EC_LOG_OVERFLOW")
    misuse = action("misuse", "show the alarm values of the misuse detection, or set some", _misuse)
    misuse.add_argument("values", nargs="*", metavar="OPERATION=N", help="calls in ten minutes; 0: no alarm")


def _logs(args: argparse.Namespace) -> int:
    def text(found: LogList) -> None:
        rows = [(each.name, str(each.entries), "lost entries" if each.overflown else "") for each in found.logs]
        out_table(("LOG", "ENTRIES", ""), rows)

    return shown(args, with_admin(args, lambda admin: admin.read("/logs", LogList)), text)


def _log(args: argparse.Namespace) -> int:
    now = SystemClock().now()
    asked = {
        "since": None if args.since is None else since_of(args.since, now).isoformat(),
        "until": None if args.until is None else since_of(args.until, now).isoformat(),
        "severity": args.severity,
        "topic": args.topic,
        "code": args.code,
        "event_id": args.event,
        "search": args.search,
        "limit": args.count,
    }
    query = {name: str(value) for name, value in asked.items() if value is not None}
    path = path_of("/logs/{}", args.log)
    if args.export is not None:
        answer = with_admin(args, lambda admin: admin.exchange("GET", f"{path}/export", query=query))
        write(args.export, answer.body, force=True)
        out(f"{args.export}: {len(answer.body.splitlines())} entries")
        return ExitCode.OK

    def text(found: LogEntries) -> None:
        for entry in reversed(found.entries):
            out(_line(entry))

    return shown(args, with_admin(args, lambda admin: admin.read(path, LogEntries, query)), text)


def _line(entry: LogEntry) -> str:
    told = (
        local_time(entry.at, "milliseconds"),
        entry.level.value,
        entry.topic,
        "" if entry.code is None else str(entry.code),
        entry.text,
        entry.operation,
        " ".join(f"{name}={value}" for name, value in entry.parameters.items()),
        entry.event_id,
    )
    return "  ".join(part for part in told if part)


def _clear(args: argparse.Namespace) -> int:
    with_admin(args, lambda admin: admin.change("DELETE", path_of("/logs/{}", args.log)))
    out(f"{args.log}: its entries are deleted")
    return ExitCode.OK


def _settings(args: argparse.Namespace) -> int:
    async def work(admin: Admin) -> LogParameters:
        held: dict[str, Any] = plain(await admin.read(_SETTINGS, LogParameters))
        for setting in args.settings:
            _put(held, setting)
        wanted = read(LogParameters, held)
        if args.settings:
            await admin.change("PUT", _SETTINGS, wanted)
        return wanted

    def text(settings: LogParameters) -> None:
        document = plain(settings)
        fachmodule = document.pop("fachmodule")
        of_each = {f"fachmodule.{fm}.{name}": v for fm, held in fachmodule.items() for name, v in held.items()}
        out_fields({name: str(value) for name, value in (document | of_each).items()})

    return shown(args, with_admin(args, work), text)


def _put(held: dict[str, Any], setting: str) -> None:
    """Puts NAME=VALUE into the document; its reader judges names and values."""
    name, is_given, value = setting.partition("=")
    *above, last = name.split(".")
    if not is_given or not last:
        raise InvalidInput(f"{setting}: write NAME=VALUE; names are {', '.join(held)}")
    place = held
    for part in above:
        place = place.setdefault(part, {})
    words: dict[str, object] = {"true": True, "false": False}
    place[last] = int(value) if value.isascii() and value.isdigit() else words.get(value, value)


def _reset(args: argparse.Namespace) -> int:
    with_admin(args, lambda admin: admin.change("POST", path_of("/conditions/{}/reset", args.name)))
    out(f"{args.name} is reset")
    return ExitCode.OK


def _misuse(args: argparse.Namespace) -> int:
    values = []
    for given in args.values:
        operation, _, number = given.partition("=")
        if not number.isascii() or not number.isdigit():
            raise InvalidInput(f"{given}: write OPERATION=N")
        values.append(AlarmValue(operation, int(number)))

    async def work(admin: Admin) -> MisuseSettings:
        if values:
            await admin.change("PUT", "/misuse", MisuseSettings(tuple(values)))
        return await admin.read("/misuse", MisuseSettings)

    def text(found: MisuseSettings) -> None:
        rows = [(each.operation, str(each.value) if each.value else "no alarm") for each in found.alarm_values]
        out_table(("OPERATION", "ALARM FROM"), rows)

    return shown(args, with_admin(args, work), text)
