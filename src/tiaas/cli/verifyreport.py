"""The report of `tiaas verify`: as text, as JSON, as one HTML page that needs nothing else."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path

from tiaas.base.dataclass import dataclass
from tiaas.cli.verifywords import algorithm, cause_of, explained, outcome
from tiaas.cli.writer import in_line, json_text, local_time
from tiaas.client import Verification
from tiaas.client.verificationreport import BadReport, Check, ReportedSignature, read_report_untrusted
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult, TimestampType

_MEANING = {
    HighLevelResult.VALID: "all signatures are valid",
    HighLevelResult.INVALID: "a signature is not valid",
    HighLevelResult.INCONCLUSIVE: "it cannot be told whether the signatures are valid",
}
_TIMES = {
    TimestampType.EMBEDDED: "time that the signature states",
    TimestampType.QUALIFIED: "qualified time stamp",
    TimestampType.USER_DEFINED: "time that was asked for",
    TimestampType.SYSTEM: "now",
}
_QUALIFIED = {True: "qualified (QES)", False: "not qualified", None: ""}
_NOT_COUNTED = "without influence on the verdict"
_BOTH_STAND = (
    "why both stand: the verdict is what the checks gave for that time; that the catalogue no longer calls an "
    "algorithm suitable is to be told, not to be counted (gemSpec_Kon TIP1-A_5682)"
)
_RESULTS = {
    "valid": "good",
    "invalid": "not good",
    "indetermined": "cannot be told",
    "certDataBase": "a trust list of the Konnektor",
}
_TIME_AGAIN = "SigningTime"
"""What a report has as an attribute beside the element that is read."""
_GOOD = frozenset({"Success", "valid", "certDataBase"})
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "h2{margin-top:2.5rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
    "padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd}.VALID{color:#0a6b2d}.INVALID{color:#a40000}"
    ".INCONCLUSIVE{color:#8a5a00}h2,h3,h4,p,td{overflow-wrap:anywhere}"
)


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """One file, the verdict, and the signatures in the Konnektor's report (none if it gave none that can be read).

    Without a verdict `reason` says why there is none. `remark` is what the verdict does not say of the file.
    """

    path: Path
    verdict: Verification | None
    signatures: tuple[ReportedSignature, ...] = ()
    reason: str = ""
    remark: str = ""


def verified_file(path: Path, verdict: Verification, remark: str = "") -> VerifiedFile:
    """Reads the report of a verdict."""
    try:
        signatures = () if verdict.report is None else read_report_untrusted(verdict.report)
    except BadReport:
        signatures = ()
    return VerifiedFile(path, verdict, signatures, remark=remark)


def as_document(files: Sequence[VerifiedFile]) -> list[dict[str, object]]:
    """For programs."""
    return [
        {"file": str(item.path), "result": None, "error": item.reason}
        if item.verdict is None
        else {
            "file": str(item.path),
            "result": item.verdict.result.value,
            "timestamp": item.verdict.timestamp.isoformat(),
            "timestamp_type": item.verdict.timestamp_type.value,
            "warnings": [{"code": entry.code, "text": entry.text} for entry in item.verdict.warning],
            "remark": item.remark or None,
            "signatures": [asdict(signature) for signature in item.signatures],
        }
        for item in files
    ]


def as_text(files: Sequence[VerifiedFile]) -> str:
    """For people."""
    lines: list[str] = []
    for item in files:
        if item.verdict is None:
            lines += [f"{item.path}: NOT VERIFIED", f"  {item.reason}", ""]
            continue
        lines += [
            f"{item.path}: {item.verdict.result.value}: {_MEANING[item.verdict.result]}",
            *_facts(item, item.verdict),
        ]
        for number, signature in enumerate(item.signatures, 1):
            lines.append(f"  {_title(number, signature)}: {outcome(signature)}")
            lines += [f"    {name}: {value}" for name, value in _told(item, signature).items() if value]
            lines += [f"    {line}" for line in _complaints(signature)]
            lines += [f"    {_BOTH_STAND}"] if _has_remark(signature) else []
        lines.append("")
    return "\n".join(map(in_line, lines))


def as_json(files: Sequence[VerifiedFile]) -> str:
    """`as_document`, written."""
    return json_text(as_document(files), indent=2) + "\n"


def as_html(files: Sequence[VerifiedFile]) -> str:
    """A page of its own."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Verification report</title>',
        f"<style>{_STYLE}</style><h1>Verification report</h1>",
    ]
    for item in files:
        parts.append(f"<h2>{escape(in_line(str(item.path)))}</h2>")
        if item.verdict is None:
            parts.append(f"<p><b>NOT VERIFIED</b>: {escape(in_line(item.reason))}</p>")
            continue
        result = item.verdict.result
        parts.append(f'<p class="{result.value}"><b>{result.value}</b>: {_MEANING[result]}</p>')
        parts += [f"<p>{escape(line.strip())}</p>" for line in _facts(item, item.verdict)]
        for number, signature in enumerate(item.signatures, 1):
            parts.append(f"<h3>{escape(_title(number, signature))}: {escape(outcome(signature))}</h3>")
            parts.append(_table(_fields(signature)))
            parts += _tables(signature.checks)
            parts.append(f"<p>{escape(_BOTH_STAND)}</p>" if _has_remark(signature) else "")
    return "".join(parts) + "</html>\n"


RENDERERS: Mapping[str, Callable[[Sequence[VerifiedFile]], str]] = {
    ".txt": as_text,
    ".json": as_json,
    ".html": as_html,
}
"""The forms of a report by the ending of its file's name."""


def _facts(item: VerifiedFile, verdict: Verification) -> list[str]:
    lines = [f"  for {local_time(verdict.timestamp)} ({_TIMES[verdict.timestamp_type]})"]
    if verdict.result is not HighLevelResult.VALID and not item.signatures:
        lines += [f"  {cause}" for cause in [cause_of(entry.code for entry in verdict.warning)] if cause]
    warnings = Counter(f"{entry.severity.lower()} {entry.code}: {entry.text}" for entry in verdict.warning)
    lines += [f"  {text}{f' ({times} times)' if times > 1 else ''}" for text, times in warnings.items()]
    return lines + ([f"  remark: {item.remark}"] if item.remark else [])


def _title(number: int, signature: ReportedSignature) -> str:
    return f"{'counter signature' if signature.is_counter else 'signature'} {number}"


def _fields(signature: ReportedSignature) -> dict[str, str]:
    return {
        "signer": signature.signer,
        "kind": _QUALIFIED[signature.is_qualified],
        "signing time": signature.signing_time,
        "short text": signature.short_text,
        "algorithm": algorithm(signature.algorithm),
        **{name: value for name, value in signature.attributes if name != _TIME_AGAIN},
    }


def _told(item: VerifiedFile, signature: ReportedSignature) -> dict[str, str]:
    """`_fields`, without the time that the verdict above is for."""
    fields = _fields(signature)
    is_above = item.verdict is not None and item.verdict.timestamp_type is TimestampType.EMBEDDED
    if is_above and len(item.signatures) == 1:
        del fields["signing time"]
    return fields


def _complaints(signature: ReportedSignature) -> list[str]:
    told = outcome(signature)
    return [
        ": ".join(part for part in _words(check) if part and not told.endswith(f": {part}"))
        for check in signature.checks
        if check.result not in _GOOD
    ]


def _has_remark(signature: ReportedSignature) -> bool:
    return any(check.is_remark and check.result not in _GOOD for check in signature.checks)


def _words(check: Check) -> tuple[str, ...]:
    if check.is_remark:
        return f"remark, {_NOT_COUNTED}", check.about, check.subject, check.reason or check.result, check.message
    return _RESULTS.get(check.result, check.result), check.about, check.subject, check.reason, explained(check.message)


def _about(check: Check) -> str:
    return f"{check.about} ({_NOT_COUNTED})" if check.is_remark else check.about


def _tables(checks: Sequence[Check]) -> list[str]:
    """The single checks, first those of the signature as a whole, then those of each certificate."""
    about: dict[str, list[Check]] = {}
    for check in checks:
        about.setdefault(check.subject, []).append(check)
    head = "<tr><th>check</th><th>result</th><th>why</th></tr>"
    return [
        f"<h4>{escape(subject or 'checks of the signature')}</h4><table>{head}{''.join(map(_row, of_subject))}</table>"
        for subject, of_subject in sorted(about.items(), key=lambda item: bool(item[0]))
    ]


def _row(check: Check) -> str:
    why = ": ".join(part for part in (check.reason, explained(check.message)) if part)
    cells = (_about(check), _RESULTS.get(check.result, check.result), why)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _table(fields: Mapping[str, str]) -> str:
    rows = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in fields.items() if value]
    return f"<table>{''.join(rows)}</table>"
