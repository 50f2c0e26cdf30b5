"""Report and drawings of a day: well formed, everybody in it, differences not to be overlooked."""

import json

from lxml import etree, html

from tests.unit.day.days import good_day
from tiaas.lab.day import report
from tiaas.lab.day.drawing import durations, timeline
from tiaas.lab.day.record import Attempt, DayRecord, summary

SVG = "{http://www.w3.org/2000/svg}"


def _bad_day() -> DayRecord:
    record = good_day()
    record.seen[3].mismatches.append("the <old> address is on the card")
    return record


def test_the_html_has_every_contact_and_needs_nothing_else() -> None:
    record = good_day()
    text = report.html(record)
    document = html.document_fromstring(text)
    rows = document.xpath("//h2[.='All contacts']/following::table[1]/tbody/tr")
    assert len(rows) == len(record.seen)
    assert "Böse <b>Tags</b> & Co" in document.text_content()
    assert not document.xpath("//link | //script | //img | //*[@src]")
    assert "everything as expected" in text
    assert "tiaas lab day --patients 60 --seed 1" in text


def test_a_difference_is_at_the_top_and_at_the_contact() -> None:
    document = html.document_fromstring(report.html(_bad_day()))
    (verdict,) = document.xpath("//span[contains(@class, 'verdict')]")
    assert verdict.text_content() == "1 differences from the model"
    assert "bad" in verdict.get("class")
    assert (
        "the <old> address is on the card"
        in document.xpath("//h2[.='All contacts']/following::table[1]")[0].text_content()
    )
    assert report.lines(_bad_day())[-2:] == [
        "FAIL contact 4: the <old> address is on the card",
        "1 differences from the model",
    ]


def test_the_timeline_is_xml_with_a_bar_for_each_contact_inside_its_borders() -> None:
    record = good_day()
    root = etree.fromstring(timeline(record).encode())
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    bars = [bar for bar in root.iter(f"{SVG}rect") if bar.get("height") == "38"]
    assert len(bars) == len(record.seen)
    for bar in bars:
        assert float(bar.attrib["x"]) >= 0
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width
        assert float(bar.attrib["y"]) + 38 <= height
    assert all(float(text.get("x", "0")) < width for text in root.iter(f"{SVG}text"))


def test_the_durations_are_xml_even_if_there_are_none() -> None:
    record = good_day()
    points = list(etree.fromstring(durations(record).encode()).iter(f"{SVG}circle"))
    assert len(points) == len(record.durations(online=True)) + len(record.durations(online=False))
    record.seen.clear()
    etree.fromstring(durations(record).encode())


def test_the_document_is_json_and_says_what_was_expected() -> None:
    document = json.loads(json.dumps(_bad_day().to_document()))
    assert document["failures"] == ["contact 4: the <old> address is on the card"]
    assert document["test_data"] is True
    assert len(document["contacts"]) == len(good_day().seen)
    assert {"ending", "code", "result", "ec", "on_the_way"} == set(document["contacts"][0]["expected"])


def test_figures() -> None:
    assert summary([]) == {"count": 0}
    assert summary([0.001 * n for n in range(1, 101)]) == {"count": 100, "median": 50.5, "p95": 96.0, "max": 100.0}
    record = good_day()
    record.seen[0].attempts = [Attempt(0, 9.0, True, True, code=4093), Attempt(0, 0.5, True, True, result=2)]
    assert max(record.durations(online=True)) == 0.5, "an error is no answer"


def test_the_summary_has_what_went_wrong_and_refers_to_the_drawing() -> None:
    record = good_day()
    text = report.markdown(record, "day.svg")
    assert "![Timeline](day.svg)" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(row.split(" | ")) in (2, 4, 5) for row in rows)
    for trouble in ("UFS answers HTTP 503", "the patient takes the card out too early", "E=1"):
        assert trouble in text
    assert "**everything as expected**" in text
