"""`tiaas lab fault|journal|update|ksr|networks|registrations|clock|day|play`: what goes wrong, what a lab is asked."""

import argparse
from typing import Any
from urllib.parse import urlencode

from tiaas.base.errors import InvalidInput
from tiaas.cli import labclock, labday, labksr, labnetworks, labpki, labplay, labregistrations, labupdates
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.writer import out, out_json, out_table
from tiaas.lab.faults import CODES, Fault, Service

_VALUES = ("code", "http", "delay", "match", "skip", "lasts", "offset")
_LISTS = ("faults", "fired")
_SERVICES = [service.value for service in Service]
_CODES = "\n".join(f"  {service:<12} {', '.join(codes)}" for service, codes in CODES.items())
_EPILOG = f"""\
codes by service:
{_CODES}
  terminal and card also take a status word: four hexadecimal digits, 6581

lines that --match is compared with (* and ? stand for any characters):
  terminal     CT-1 PERFORM_VERIFICATION 0    ctId, SICCT command or APDU or TLS, unit
  card         HBA 80276… CT-1 00B08400       type, ICCSN, where it is, CLA INS P1 P2 or RESET
  keypad       CT-1 HBA 80276… PIN.CH current what a person is asked for
  time         NTP 127.0.0.1:40123            and where the question came from
  network      sink 127.0.0.1:8500            terminal CT-1, pki, intermediaer, ksr, registration, time or
                                              sink, and the address
  random       SAMPLE 2500                    octets that the check of the random generator takes

without any fault option the faults in force and what struck are listed.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `lab` and what it does."""
    parser = subparsers.add_parser("lab")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    fault = things.add_parser(
        "fault",
        help="make a service, terminal, card, person, line or the random generator misbehave",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fault.add_argument("service", nargs="?", choices=_SERVICES, help="which service; none: all, to list or clear")
    effect = fault.add_mutually_exclusive_group()
    effect.add_argument("--code", metavar="N", help="answer with this error or state of the service, see below")
    effect.add_argument("--http", type=int, metavar="N", help="answer with this bare HTTP status, 400 to 599")
    effect.add_argument("--drop", action="store_true", help="end the connection without an answer")
    effect.add_argument("--offset", type=float, metavar="S", help="time: tell a time so many seconds ahead")
    effect.add_argument("--clear", action="store_true", help="end the service's faults (or all)")
    fault.add_argument("--delay", type=float, metavar="S", help="seconds before anything else")
    fault.add_argument("--match", metavar="TEXT", help="only requests about this: an ICCSN, a serial number, …")
    fault.add_argument("--times", type=int, metavar="N", help="how often (default 1; 0: until cleared)")
    fault.add_argument("--skip", type=int, metavar="N", help="let N fitting requests pass first")
    fault.add_argument("--lasts", type=float, metavar="S", help="with gone and pulled: back after so many seconds")
    journal = things.add_parser("journal", help="what the lab's services were asked and answered")
    journal.add_argument("service", nargs="?", choices=_SERVICES, help="of one service only")
    journal.add_argument("--since", type=int, default=0, metavar="N", help="entries with a number above N")
    modules = (labupdates, labksr, labnetworks, labregistrations, labclock, labday)
    others = [module.register(things) for module in modules]
    for verb in (fault, journal, *others):
        add_arguments(verb)
    labplay.register(things)
    labpki.register(things)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    things = {
        "fault": _fault,
        "journal": _journal,
        "update": labupdates.run,
        "ksr": labksr.run,
        "networks": labnetworks.run,
        "registrations": labregistrations.run,
        "clock": labclock.run,
        "day": labday.run,
        "play": labplay.run,
        **labpki.THINGS,
    }
    return things[args.thing](args)


def _fault(args: argparse.Namespace) -> int:
    document = {
        "service": args.service,
        **{key: getattr(args, key) for key in _VALUES if getattr(args, key) is not None},
        **({"drop": True} if args.drop else {}),
    }
    if args.clear or len(document) == 1:
        if args.times is not None or (args.clear and len(document) > 1):
            raise InvalidInput("--clear and --times go with nothing or with a fault; see tiaas lab fault --help")
        return _clear(args) if args.clear else _list(args)
    if args.service is None:
        raise InvalidInput(f"name what shall misbehave: {', '.join(Service)}")
    if args.times is not None:
        document["times"] = args.times
    Fault.from_document(document)
    with control_port(args) as http:
        added = ask(http, "POST", "/faults", document)
    if args.json:
        out_json(added)
    else:
        out(f"fault {added['number']} in force: {_what(added)}")
    return ExitCode.OK


def _clear(args: argparse.Namespace) -> int:
    query = f"?{urlencode({'service': args.service})}" if args.service else ""
    with control_port(args) as http:
        cleared = ask(http, "DELETE", f"/faults{query}")
    if args.json:
        out_json(cleared)
    else:
        number = cleared["cleared"]
        out(f"{number} {'fault' if number == 1 else 'faults'} cleared")
    return ExitCode.OK


def _list(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        answer = ask(http, "GET", "/faults")
    faults, fired = ([each for each in answer[key] if args.service in (None, each["service"])] for key in _LISTS)
    if args.json:
        out_json({"faults": faults, "fired": fired})
        return ExitCode.OK
    rows = [(str(f["number"]), f["service"], _what(f), f["match"], _left(f), str(f["used"])) for f in faults]
    out_table(("NUMBER", "SERVICE", "EFFECT", "MATCH", "TIMES", "USED"), rows)
    if fired:
        out("")
        out_table(("FAULT", "STRUCK AT", "SERVICE", "WHAT"), [_struck(each) for each in fired])
    return ExitCode.OK


def _struck(fired: dict[str, Any]) -> tuple[str, ...]:
    return str(fired["fault"]), f"{fired['at'][11:23]}Z", fired["service"], fired["line"]


def _what(fault: dict[str, Any]) -> str:
    parts = [f"after {fault['delay']:g} s"] if fault["delay"] else []
    parts += [f"code {fault['code']}"] if fault["code"] is not None else []
    parts += [f"HTTP {fault['http']}"] if fault["http"] is not None else []
    parts += ["no answer"] if fault["drop"] else []
    parts += [f"a time {fault['offset']:+g} s beside the lab's"] if fault["offset"] else []
    parts += [f"for {fault['lasts']:g} s"] if fault["lasts"] else []
    parts += [f"from number {fault['skip'] + 1} on"] if fault["skip"] else []
    return ", ".join(parts)


def _left(fault: dict[str, Any]) -> str:
    return "until cleared" if fault["times"] is None else str(fault["times"])


def _journal(args: argparse.Namespace) -> int:
    if args.since < 0:
        raise InvalidInput("--since is 0 or more")
    query = {"since": args.since, **({"service": args.service} if args.service else {})}
    with control_port(args) as http:
        entries = ask(http, "GET", f"/journal?{urlencode(query)}")["entries"]
    if args.json:
        out_json(entries)
    else:
        titles = ("NUMBER", "AT", "SERVICE", "OPERATION", "ABOUT", "OUTCOME", "MS", "FAULT")
        out_table(titles, [_row(entry) for entry in entries])
    return ExitCode.OK


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    fault = "" if entry["fault"] is None else str(entry["fault"])
    milliseconds = f"{entry['seconds'] * 1000:.1f}"
    head = str(entry["number"]), f"{entry['at'][11:23]}Z", entry["service"], entry["operation"]
    return (*head, entry["subject"], entry["outcome"], milliseconds, fault)
