"""The service directory and the versions of services (gemILF_PS V2.17.0, 4.1.2 and 4.1.3)."""

import re

from tiaas.pvs.checks.model import Check, Finding, Said, failed, not_seen, passed, warned
from tiaas.pvs.messages import Exchange, Outcome, Story

_VERSION = re.compile(r"/v(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?/?$")
_ENCODING = re.compile(r"""^\s*<\?xml[^>]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")
_CHARSET = re.compile(r"""charset\s*=\s*"?([A-Za-z0-9._-]{1,40})""", re.IGNORECASE)
_READS_FREE = 3
# Card sessions for PoPP: not part of gemSpec_Kon V5.18, and not for software that has no use for them.
_BEYOND = frozenset({("CardService", (8, 2))})
# Namespaces that listings of the guide still show and no Konnektor of today serves (gemSpec_Kon V5.18, annex).
_OUTDATED = ("/EventService/v7.0", "/CardService/v8.0", "/CertificateService/v5.", "/VSDService/v5.1")


def _directory_first(story: Story) -> Finding:
    calls, reads = story.exchanges, story.directory_reads
    if not calls:
        return passed(call.number for call in reads) if reads else not_seen()
    if not reads:
        return failed(
            Said("services are called, but connector.sds is never read", "Dienste werden ohne connector.sds gerufen"),
            [calls[0].number],
        )
    if reads[0].number > calls[0].number:
        return warned(
            Said("connector.sds is read after the first call only", "connector.sds kommt erst nach dem ersten Aufruf"),
            [calls[0].number, reads[0].number],
        )
    return passed([reads[0].number])


def _endpoints(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    offered = {offer.path for offer in story.recording.offered}
    wrong = [each.number for each in story.exchanges if each.call.path not in offered]
    if wrong:
        return failed(
            Said("addresses that connector.sds does not name", "Adressen, die connector.sds nicht nennt"), wrong
        )
    return passed()


def _cached(story: Story) -> Finding:
    reads, calls = story.directory_reads, story.exchanges
    if not reads:
        return not_seen()
    if len(reads) > _READS_FREE and 2 * len(reads) > len(calls):
        return warned(
            Said("connector.sds is read again and again", "connector.sds wird immer wieder gelesen"),
            [call.number for call in reads],
        )
    return passed()


def _read_again(story: Story) -> Finding:
    boots = [event for event in story.events if event.topic == "BOOTUP/BOOTUP_COMPLETE" and event.arrived]
    if not boots:
        return not_seen()
    missed = [boot.number for boot in boots if not any(read.number > boot.number for read in story.directory_reads)]
    if missed:
        return warned(
            Said(
                "connector.sds is not read again after a boot",
                "connector.sds wird nach dem Hochfahren nicht neu gelesen",
            ),
            missed,
        )
    return passed(boot.number for boot in boots)


def _version(text: str) -> tuple[int, int] | None:
    found = _VERSION.search(text)
    return None if found is None else (int(found.group(1)), int(found.group(2)))


def _newest(story: Story) -> Finding:
    old: list[Exchange] = []
    judged = False
    for each in story.exchanges:
        used = _version(each.namespace)
        offers = [(o.name, _version(f"/v{o.version}")) for o in story.recording.offered if o.path == each.call.path]
        known = [version for name, version in offers if version is not None and (name, version) not in _BEYOND]
        newest = max(known, default=None)
        if used is None or newest is None:
            continue
        judged = True
        # VSDService: its WSDL says 6.0 in places, its messages are 5.2 in all versions.
        if used < newest and each.namespace.rpartition("/")[0] in _namespaces(story, newest):
            old.append(each)
    if not judged:
        return not_seen()
    if old:
        names = sorted({each.namespace for each in old})
        return warned(
            Said("a newer version is offered than {names}", "es gibt eine neuere Version als {names}").filled(
                names=", ".join(names)
            ),
            [each.number for each in old],
        )
    return passed()


def _namespaces(story: Story, version: tuple[int, int]) -> frozenset[str]:
    """Namespaces, without version, of the services offered in that version."""
    return frozenset(
        offer.namespace.rpartition("/")[0].removesuffix("/WSDL")
        for offer in story.recording.offered
        if _version(f"/v{offer.version}") == version
    )


def _as_in_the_schema(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    wrong = [each.number for each in story.exchanges if each.operation is None or 4000 in each.codes]
    wrong += [each.number for each in story.exchanges if each.outcome is Outcome.FAULT and not each.codes]
    if wrong:
        return failed(
            Said(
                "messages that the interface does not know (4000)",
                "Nachrichten, die die Schnittstelle nicht kennt (4000)",
            ),
            wrong,
        )
    return passed()


def _utf8(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    wrong = [each.number for each in story.exchanges if not _is_utf8(each)]
    return failed(Said("not in UTF-8", "nicht in UTF-8"), wrong) if wrong else passed()


def _is_utf8(exchange: Exchange) -> bool:
    declared = _ENCODING.match(exchange.call.request)
    charset = _CHARSET.search(exchange.call.field("content-type") or "")
    said = [found.group(1).lower() for found in (declared, charset) if found is not None]
    return all(each in ("utf-8", "utf8", "us-ascii", "ascii") for each in said)


def _current(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    old = [each.number for each in story.exchanges if any(name in each.namespace for name in _OUTDATED)]
    return failed(Said("outdated namespaces", "veraltete Namensräume"), old) if old else passed()


CHECKS = (
    Check(
        "SDS-1",
        Said("connector.sds is read before services are called", "connector.sds wird vor den Diensten gelesen"),
        "gemILF_PS 4.1.2, TIP1-A_4967, TIP1-A_4968",
        _directory_first,
    ),
    Check(
        "SDS-2",
        Said(
            "services are called at the addresses of connector.sds",
            "Dienste werden unter den Adressen aus connector.sds gerufen",
        ),
        "gemILF_PS 4.1.2, TIP1-A_4967",
        _endpoints,
    ),
    Check(
        "SDS-3",
        Said("the directory is kept, not read for every call", "das Verzeichnis wird gemerkt, nicht je Aufruf gelesen"),
        "gemILF_PS 4.1.2, TIP1-A_4967",
        _cached,
    ),
    Check(
        "SDS-4",
        Said("the directory is read again after a boot", "das Verzeichnis wird nach dem Hochfahren neu gelesen"),
        "gemILF_PS 4.1.2",
        _read_again,
    ),
    Check(
        "VER-1",
        Said("the newest version offered is used", "die neueste angebotene Version wird benutzt"),
        "gemILF_PS 4.1.3, TIP1-A_4966",
        _newest,
    ),
    Check(
        "VER-2",
        Said("no outdated namespaces", "keine veralteten Namensräume"),
        "gemILF_PS 4.1.3, TIP1-A_4965",
        _current,
    ),
    Check(
        "VER-3",
        Said("operations and parameters are those of the schema", "Operationen und Parameter sind die des Schemas"),
        "gemILF_PS 4.1.3, TIP1-A_4965",
        _as_in_the_schema,
    ),
    Check("VER-4", Said("messages are in UTF-8", "Nachrichten sind in UTF-8"), "gemILF_PS 4.1.3, TIP1-A_4964", _utf8),
)
