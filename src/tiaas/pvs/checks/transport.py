"""TLS and HTTP (gemILF_PS V2.17.0, 4.1.1; gemSpec_Kon V5.18, 3.4)."""

from collections import Counter

from tiaas.pvs.checks.model import Check, Finding, Said, failed, not_seen, passed, warned
from tiaas.pvs.messages import Outcome, Story

_ENOUGH = 10
_PLAIN_MAX = 0.8


def _tls(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    plain = [each for each in story.exchanges if each.call.tls is None]
    if any(each.call.field("authorization") for each in plain):
        return failed(
            Said("a password without TLS", "ein Kennwort ohne TLS"),
            [each.number for each in plain if each.call.field("authorization")],
        )
    if plain:
        return warned(Said("HTTP without TLS", "HTTP ohne TLS"), [each.number for each in plain])
    return passed(said=_versions(story))


def _versions(story: Story) -> Said:
    suites = ", ".join(sorted({each.call.tls for each in story.exchanges if each.call.tls}))
    return Said(suites, suites)


def _forward_secrecy(story: Story) -> Finding:
    suites = {each.number: each.call.tls for each in story.exchanges if each.call.tls}
    if not suites:
        return not_seen()
    weak = [number for number, tls in suites.items() if "GCM" not in tls and "CHACHA20" not in tls]
    if weak:
        return warned(Said("cipher suites without AEAD", "Cipher-Suiten ohne AEAD"), weak)
    return passed()


def _handshakes(story: Story) -> Finding:
    if not story.handshakes:
        return passed() if any(each.call.tls for each in story.exchanges) else not_seen()
    evidence = [each.number for each in story.handshakes]
    reasons = ", ".join(sorted({each.reason for each in story.handshakes}))
    said = Said("handshakes failed: {reasons}", "Handshakes sind gescheitert: {reasons}").filled(reasons=reasons)
    return warned(said, evidence) if story.exchanges else failed(said, evidence)


def _kept_alive(story: Story) -> Finding:
    calls = [each.call for each in story.exchanges]
    if len(calls) < _ENOUGH:
        return not_seen(Said("too few calls", "zu wenige Aufrufe"))
    used = Counter(call.connection for call in calls)
    alone = [call.number for call in calls if used[call.connection] == 1]
    if len(alone) > _PLAIN_MAX * len(calls):
        return warned(
            Said("a new connection for nearly every call", "fast jeder Aufruf baut eine Verbindung auf"), alone
        )
    return passed()


def _waits(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    left = [each for each in story.exchanges if each.outcome is Outcome.LEFT]
    if left:
        longest = max(each.call.seconds for each in left)
        return failed(
            Said(
                "answers are not awaited (the longest wait was {s:.1f} s); a PIN entry may take minutes",
                "Antworten werden nicht abgewartet (längstens {s:.1f} s); eine PIN-Eingabe kann Minuten dauern",
            ).filled(s=longest),
            [each.number for each in left],
        )
    return passed()


def _action(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    wrong = [each.number for each in story.exchanges if not _is_quoted(each.call.field("soapaction"))]
    if wrong:
        return warned(
            Said("SOAPAction is missing or not quoted", "SOAPAction fehlt oder steht nicht in Anführungszeichen"), wrong
        )
    return passed()


def _is_quoted(value: str | None) -> bool:
    return value is not None and len(value) >= 2 and value[0] == value[-1] == '"'


def _refused(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    refused = [each for each in story.exchanges if each.outcome is Outcome.REFUSED]
    if refused:
        statuses = ", ".join(sorted({str(each.call.status) for each in refused}))
        return failed(
            Said("refused with HTTP {statuses}", "abgewiesen mit HTTP {statuses}").filled(statuses=statuses),
            [each.number for each in refused],
        )
    return passed()


CHECKS = (
    Check(
        "TLS-1",
        Said("services are called with TLS", "Dienste werden mit TLS gerufen"),
        "gemILF_PS 4.1.1, TIP1-A_4962",
        _tls,
    ),
    Check(
        "TLS-2",
        Said("cipher suites with forward secrecy and AEAD", "Cipher-Suiten mit Forward Secrecy und AEAD"),
        "gemSpec_Krypt GS-A_4384",
        _forward_secrecy,
    ),
    Check("TLS-3", Said("handshakes succeed", "Handshakes gelingen"), "gemILF_PS 4.1.1, TIP1-A_4962", _handshakes),
    Check(
        "HTTP-1", Said("connections are kept alive", "Verbindungen werden weiterbenutzt"), "RFC 9112, 9.3", _kept_alive
    ),
    Check(
        "HTTP-2",
        Said("answers are awaited", "Antworten werden abgewartet"),
        "gemILF_PS, Tab_ILF_PS_Konfigurationsparameter_für_die_Konnektorkommunikation",
        _waits,
    ),
    Check(
        "HTTP-3",
        Said("SOAPAction is sent, quoted", "SOAPAction ist da, in Anführungszeichen"),
        "SOAP 1.1, 6.1.1; Basic Profile 1.2",
        _action,
    ),
    Check("HTTP-4", Said("requests are let in", "Anfragen werden eingelassen"), "gemSpec_Kon 3.4.1", _refused),
)
