"""The status page in Chromium, before a lab whose PIN.SMC is still to be typed."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.browsing import WAIT_MS, browser, require_browser, watched
from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own
from tests.integration.proof.caller import Caller, Reply, kvnr_of, outcome, pin_status, until
from tests.integration.proof.hand import Hand
from tests.integration.proof.secrets_of_a_lab import Secrets

expect.set_options(timeout=WAIT_MS)

_SLOW_POSTS = """() => {
  const real = window.fetch;
  let now = 0;
  window.most = 0;
  window.fetch = async (...given) => {
    if (given[1]?.method !== "POST") return real(...given);
    window.most = Math.max(window.most, ++now);
    await new Promise((go) => setTimeout(go, 100));
    try { return await real(...given); } finally { now--; }
  };
}"""
"""What the page sends takes a while; `window.most` is how much of it was under way at once."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser(require_browser()) as started:
        yield started


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    require_browser()
    with on_ports_of_its_own(tmp_path_factory.mktemp("portal") / "lab", "--locked") as process:
        yield process
        process.stop()


@pytest.fixture
def hand(lab: LabProcess) -> Iterator[Hand]:
    hand = Hand(lab.ready)
    yield hand
    hand.policy("auto")


@pytest.fixture
def url(lab: LabProcess) -> str:
    address: str = lab.ready["portal"]["url"]
    return f"{address}/instances/praxis-1"


def live(page: Page) -> None:
    """Waits until the page is told of events."""
    expect(page.locator("[data-on]")).to_be_visible()


def slot(page: Page, number: int) -> Locator:
    """A slot of the terminal."""
    return page.locator(".slot").nth(number - 1)


@pytest.mark.parametrize(
    ("locale", "says", "lang"),
    [
        ("de-DE", "Die PIN.SMC der Praxiskarte ist nicht eingegeben", "de"),
        ("en-GB", "PIN.SMC of the practice card", "en"),
    ],
)
def test_it_speaks_the_readers_language(chromium: Browser, url: str, locale: str, says: str, lang: str) -> None:
    with watched(chromium, url, locale=locale) as seen:
        live(seen.page)
        expect(seen.page.locator(".sentence")).to_contain_text(says)
        assert seen.page.locator("html").get_attribute("lang") == lang
        assert seen.page.locator(".station.red").count() == 1
        expect(seen.page.locator(".station.red strong")).to_have_text(
            {"de": "Praxiskarte", "en": "Practice card"}[lang]
        )


def test_the_language_can_be_changed_and_stays(chromium: Browser, url: str) -> None:
    with watched(chromium, url) as seen:
        seen.page.get_by_role("link", name="English").click()
        expect(seen.page.get_by_role("heading", name="Card terminals")).to_be_visible()
        seen.page.goto(url)
        expect(seen.page.get_by_role("heading", name="Card terminals")).to_be_visible()


def test_a_card_that_is_taken_out_disappears_live(chromium: Browser, url: str, lab: LabProcess, hand: Hand) -> None:
    iccsn = lab.ready["terminals"][0]["slots"][0]["iccsn"]
    with watched(chromium, url) as seen:
        live(seen.page)
        expect(slot(seen.page, 1).locator("svg.card.egk")).to_be_visible()
        hand.eject(1)
        expect(slot(seen.page, 1).locator("svg.card")).to_have_count(0)
        expect(slot(seen.page, 1).locator(".hole")).to_have_text("leer")
        newest = seen.page.locator("[data-part=events] tbody tr").first
        expect(newest).to_contain_text("Karte gezogen")
        hand.insert(1, iccsn)
        expect(slot(seen.page, 1).locator("svg.card.egk")).to_be_visible()
        expect(seen.page.locator("[data-part=events] tbody tr").first).to_contain_text("CARD/INSERTED")


def test_a_call_appears_live_with_its_result(chromium: Browser, url: str, lab: LabProcess) -> None:
    with watched(chromium, url) as seen, Caller(lab.ready) as caller:
        live(seen.page)
        assert caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B")).code == 3041
        newest = seen.page.locator("[data-part=calls] tbody tr").first
        expect(newest).to_contain_text("ReadVSD")
        expect(newest).to_contain_text("Fehler 3041")
        expect(newest).to_contain_text("pvs-1")


def test_the_page_is_a_hand_at_the_terminal(chromium: Browser, url: str, lab: LabProcess) -> None:
    first, second = lab.ready["cards"]["egk"][:2]
    with watched(chromium, url) as seen, Caller(lab.ready) as caller:
        live(seen.page)
        slot(seen.page, 1).get_by_role("button", name="Ziehen").click()
        choice = slot(seen.page, 1).get_by_role("combobox")
        choice.select_option(second["iccsn"])
        slot(seen.page, 1).get_by_role("button", name="Stecken").click()
        expect(slot(seen.page, 1).locator(".holder")).to_contain_text(second["holder"])
        until(lambda: second["iccsn"] in [card["Iccsn"] for card in caller.cards()])
        slot(seen.page, 1).get_by_role("button", name="Ziehen").click()
        slot(seen.page, 1).get_by_role("combobox").select_option(first["iccsn"])
        slot(seen.page, 1).get_by_role("button", name="Stecken").click()
        expect(slot(seen.page, 1).locator(".holder")).to_contain_text(first["holder"])
        assert seen.page.locator("[data-refusal]").is_hidden()


def test_what_is_chosen_stays_when_the_page_changes(chromium: Browser, url: str, lab: LabProcess, hand: Hand) -> None:
    """Also when the list has lost the focus, as while the button beside it is pressed."""
    slots = {slot["number"]: slot["iccsn"] for slot in lab.ready["terminals"][0]["slots"] if slot["iccsn"]}
    other = next(number for number in slots if number != 1)
    with watched(chromium, url) as seen:
        live(seen.page)
        hand.eject(1)
        choice = slot(seen.page, 1).get_by_role("combobox")
        chosen = choice.locator("option").last.get_attribute("value")
        choice.select_option(chosen)
        seen.page.evaluate("document.activeElement.blur()")
        hand.eject(other)
        expect(slot(seen.page, other).locator(".hole")).to_be_visible()
        expect(choice).to_have_value(str(chosen))
        hand.insert(other, slots[other])
        hand.insert(1, slots[1])
        expect(slot(seen.page, 1).locator("svg.card.egk")).to_be_visible()
        expect(slot(seen.page, other).locator("svg.card")).to_be_visible()


def test_without_script_the_page_works_as_well(chromium: Browser, url: str, lab: LabProcess) -> None:
    first = lab.ready["cards"]["egk"][0]
    with watched(chromium, url, java_script_enabled=False) as seen:
        assert re.search(r'<meta http-equiv="refresh"', seen.page.content())
        slot(seen.page, 1).get_by_role("button", name="Ziehen").click()
        slot(seen.page, 1).get_by_role("combobox").select_option(first["iccsn"])
        slot(seen.page, 1).get_by_role("button", name="Stecken").click()
        expect(slot(seen.page, 1).locator(".holder")).to_contain_text(first["holder"])


def test_a_pin_typed_at_the_page_opens_the_practice_card(chromium: Browser, url: str, lab: LabProcess) -> None:
    pin = lab.ready["cards"]["smcb"][0]["pins"]["PIN.SMC"]
    with watched(chromium, url) as seen, Caller(lab.ready) as caller:
        page = seen.page
        live(page)
        smcb = caller.handle("SMC-B")
        assert pin_status(caller, smcb, "PIN.SMC")[0] == "VERIFIABLE"
        page.get_by_role("button", name="ich von Hand").click()
        expect(page.get_by_role("button", name="ich von Hand")).to_have_attribute("aria-pressed", "true")
        replies: list[Reply] = []

        def verify() -> None:
            with Caller(lab.ready) as other:
                replies.append(other.verify_pin(smcb, "PIN.SMC"))

        entering = threading.Thread(target=verify)
        entering.start()
        keypad = page.locator(".keypad")
        expect(keypad.get_by_role("button", name="1", exact=True)).to_be_enabled()
        expect(page.locator(".sentence")).to_contain_text("wartet auf eine PIN")
        page.evaluate(_SLOW_POSTS)
        for digit in pin:
            keypad.get_by_role("button", name=digit, exact=True).click()
        expect(page.locator(".screen")).to_contain_text("*" * len(pin))
        assert not Secrets({pin}).found_in(page.content().encode())
        assert page.evaluate("window.most") == 1, "of two keys under way the second could come first"
        keypad.get_by_role("button", name="OK").click()
        entering.join(WAIT_MS / 1000)
        assert [outcome(reply) for reply in replies] == [("OK", None)]
        expect(page.locator(".sentence")).to_contain_text("Alles funktioniert")
        expect(slot(page, 2)).to_contain_text("PIN.SMC eingegeben")
        assert kvnr_of(caller.read_vsd(caller.handle("EGK"), smcb)) == lab.ready["cards"]["egk"][0]["kvnr"]
    log = (lab.folder / "tiaas.log").read_text()
    assert not Secrets({pin}).found_in(log.encode())


def test_a_terminal_that_is_away_is_the_fault_that_is_named(chromium: Browser, url: str, hand: Hand) -> None:
    with watched(chromium, url) as seen:
        live(seen.page)
        hand.plug("out")
        expect(seen.page.locator(".sentence")).to_contain_text("Terminal CT-1 ist nicht erreichbar")
        expect(seen.page.locator(".station.red strong")).to_have_text("Kartenterminal")
        hand.plug("in")
        expect(seen.page.locator(".terminal .lamp").first).to_contain_text("verbunden, aktiv", timeout=60_000)


def test_it_can_be_used_by_keyboard_and_shrinks(chromium: Browser, url: str) -> None:
    with watched(chromium, url, viewport={"width": 390, "height": 800}) as seen:
        live(seen.page)
        seen.page.keyboard.press("Tab")
        expect(seen.page.locator(".skip")).to_be_focused()
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390


def test_a_virtual_practice_card_and_whether_it_is_activated(chromium: Browser, tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab", "--hsm", "folder") as lab:
        address = f"{lab.ready['portal']['url']}/instances/praxis-1"
        with watched(chromium, address) as seen:
            live(seen.page)
            shown = seen.page.locator("#HSM-1")
            expect(shown.get_by_role("img", name="HSM-B, Virtuelle SMC-B")).to_be_visible()
            expect(shown.locator(".keypad, .screen")).to_have_count(0)
            expect(shown.locator(".slot .lamp.green")).to_contain_text("aktiviert")
            (smb,), mandant = lab.ready["virtual_smbs"], lab.ready["context"]["mandant_id"]
            named = (smb["iccsn"], "--mandant", mandant, "--dir", str(lab.folder))
            assert lab.tiaas("admin", "virtual-smb", "deactivate", *named).returncode == 0
            expect(shown.locator(".slot .lamp.yellow")).to_contain_text("nicht aktiviert")
        with watched(chromium, address, locale="en-GB") as seen:
            shown = seen.page.locator("#HSM-1")
            expect(shown.get_by_role("img", name="HSM-B, Virtual SMC-B")).to_be_visible()
            expect(shown.locator(".slot .lamp.yellow")).to_contain_text("not activated")
        lab.stop()
