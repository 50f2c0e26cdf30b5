"""Lines of a log, as somebody may have left them in the folder."""

from tiaas.konnektor.protocol.entry import BadLine, read_line_untrusted

SEEDS = [
    b'{"number":1,"at":"2026-01-31T12:00:00.000+00:00","type":"Op","level":"Error","code":4001}',
    b'{"number":2,"at":"2026-01-31T12:00:00.000+00:00","type":"Sec","level":"Info","parameters":{"CtID":"CT-1"}}',
]


def target(data: bytes) -> None:
    """An entry or the one error."""
    try:
        entry = read_line_untrusted(data)
    except BadLine:
        return
    entry.document()
