"""Recordings as files and pages: nothing is lost, nothing comes from outside, nothing of a message becomes markup."""

import json
import re
from dataclasses import replace

import pytest
from lxml import etree, html

from tests.unit.pvs.days import Day, card, good_day
from tiaas.pvs.checks.suite import CHECKS, judge
from tiaas.pvs.diagram import diagram, pretty, rows
from tiaas.pvs.messages import read_story
from tiaas.pvs.recording import BadRecording, Struck, decode_recording_untrusted, encode_recording
from tiaas.pvs.report import as_html, as_json, as_junit


def hostile() -> Day:
    """Markup in everything that a client can choose."""
    text = "<script>alert(1)</script>"
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    day = Day().ask("GetCards", f"<CardType>{escaped}</CardType>", told=card(escaped, "EGK"), path=f"/{text}")
    return day.ask("x", request=text, answer=text).event(escaped, said=text).handshake(text)


def test_a_recording_survives_its_file() -> None:
    recording = good_day().recording()
    octets = encode_recording(recording)
    assert decode_recording_untrusted(octets) == recording
    document = json.loads(octets)
    assert document["notice"].startswith("TEST DATA")
    assert (document["format"], document["version"]) == ("tiaas-recording", 1)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format": "tiaas-recording", "version": 2}',
        b'{"format": "tiaas-recording", "version": 1}',
        b"[" * 100_000,
        encode_recording(good_day().recording()).replace(b'"instance": "', b'"instance": "\\ud800'),
        re.sub(rb'"seconds": [0-9.]+', b'"seconds": 1' + b"0" * 400, encode_recording(good_day().recording())),
    ],
)
def test_what_is_no_recording_is_refused(octets: bytes) -> None:
    with pytest.raises(BadRecording):
        decode_recording_untrusted(octets)


def test_the_diagram_has_every_message_once_in_order_and_the_faults_between() -> None:
    recording = good_day().recording()
    at = recording.calls[3].at
    story = read_story(replace(recording, struck=(Struck(1, "card", at, "HBA 80276 CT-1 RESET"),)))
    shown = rows(story)
    numbers = [row.number for row in shown if not row.is_note]
    assert numbers == sorted(numbers) == list(range(1, len(numbers) + 1))
    assert [row.title for row in shown if row.is_note] == ["lab fault 1: card: HBA 80276 CT-1 RESET"]
    page = diagram(story, "de")
    assert all(f'id="m{number}"' in page for number in numbers)
    assert "Primärsystem" in page
    assert "TESTDATEN" in page
    assert "Fault 3041" in page
    assert "&lt;E&gt;2&lt;/E&gt;" in page  # the receipt, unpacked


@pytest.mark.parametrize("day", [good_day(), hostile()])
def test_pages_bring_everything_and_run_nothing_of_a_message(day: Day) -> None:
    story = read_story(day.recording())
    for page in (diagram(story), as_html(story, judge(story))):
        tree = html.fromstring(page)
        assert tree.xpath("//script | //link | //img | //iframe | //@src | //@href") == []
        assert not re.search(r"url\(|@import|https?://(?!ws\.gematik|schemas\.xmlsoap)", page)
        assert "default-src 'none'" in page
        assert "<script" not in page


def test_xml_is_indented_and_other_things_left_alone() -> None:
    assert pretty("<a><b/></a>") == "<a>\n  <b/>\n</a>"
    assert pretty("no <xml") == "no <xml"
    assert pretty("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").startswith("<!DOCTYPE")


def test_reports_agree() -> None:
    story = read_story(Day().ask("GetCards").recording())
    judged = judge(story)
    document = json.loads(as_json(story, judged))
    assert [each["id"] for each in document["checks"]] == [check.id for check in CHECKS]
    failures = [each["id"] for each in document["checks"] if each["verdict"] == "fail"]
    suite = etree.fromstring(as_junit(story, judged).encode())
    assert [case.get("name", "").split()[0] for case in suite if case.find("failure") is not None] == failures
    assert (suite.get("tests"), suite.get("failures")) == (str(len(CHECKS)), str(len(failures)))
    page = as_html(story, judged, "de")
    assert "nicht erfüllt" in page
    assert all(check.id in page for check in CHECKS)
    assert document["operations"] == [
        {"operation": "GetCards", "namespace": "http://ws.gematik.de/conn/EventService/v7.2", "calls": 1, "codes": []}
    ]


def test_a_report_about_a_recording_that_lost_its_beginning_says_so() -> None:
    whole = good_day().recording()
    for lost, said in ((0, False), (7, True)):
        story = read_story(replace(whole, lost=lost))
        judged = judge(story)
        assert ("7: " in as_html(story, judged)) is said
        assert json.loads(as_json(story, judged))["lost"] == lost
