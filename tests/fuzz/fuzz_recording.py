"""Fuzz target: recordings as files, and what is made of them: a diagram and a report."""

from tests.unit.pvs.days import Day, fault, good_day
from tiaas.pvs.checks.suite import judge
from tiaas.pvs.diagram import rows
from tiaas.pvs.messages import read_story
from tiaas.pvs.recording import BadRecording, decode_recording_untrusted, encode_recording
from tiaas.pvs.report import as_document, as_junit

SEEDS: list[bytes] = [
    encode_recording(good_day().recording()),
    encode_recording(Day().ask("VerifyPin", told=fault(4008)).event("CARD/REMOVED", CardHandle="x").recording()),
    encode_recording(Day().handshake("TLS handshake: \x01").directory().recording()),
    good_day().recording().calls[4].request.encode(),
    good_day().recording().calls[5].answer.encode(),
]


def target(data: bytes) -> None:
    """Only `BadRecording` may escape, whatever the messages in it are."""
    try:
        recording = decode_recording_untrusted(data)
    except BadRecording:
        # Then it is what practice software and its receiver sent.
        text = data.decode("utf-8", "replace")
        recording = Day().ask("x", request=text, answer=text).event("x", said=text).handshake(text).recording()
    story = read_story(recording)
    judged = judge(story)
    assert rows(story)[:0] == []
    as_document(story, judged)
    as_junit(story, judged)
