"""Makes the pictures of the status page in the docs: ./tiaas python -m tests.browser.screenshots

Starts a lab of its own with invented people and overwrites `docs/pictures/portal-*.png`.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.browsing import browser, executable, watched
from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller, until
from tests.integration.proof.hand import Hand

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH = 1200


def main() -> int:
    """The whole series."""
    path = executable()
    if path is None:
        sys.stderr.write("chromium is missing\n")
        return 1
    with tempfile.TemporaryDirectory() as place, LabProcess(Path(place) / "lab", "--locked") as lab:
        hand = Hand(lab.ready)
        with browser(path) as chromium, Caller(lab.ready) as caller:
            caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"))
            picture(chromium, lab, "portal-en-locked", says="has not been entered", locale="en-GB", height=760)
            caller.verify_pin(caller.handle("SMC-B"), "PIN.SMC")
            caller.read_vsd(caller.handle("EGK"), caller.handle("SMC-B"))
            next_patient(lab, caller, hand)
            lab.tiaas("vsd", "read", "--online", "--dir", str(lab.folder))
            picture(chromium, lab, "portal-de", says="Alles funktioniert", locale="de-DE")
            hand.plug("out")
            picture(
                chromium,
                lab,
                "portal-dark",
                says="ist nicht erreichbar",
                locale="de-DE",
                height=760,
                color_scheme="dark",
            )
        lab.stop()
    return 0


def next_patient(lab: LabProcess, caller: Caller, hand: Hand) -> None:
    """Another health card in the first slot."""
    iccsn = lab.ready["cards"]["egk"][1]["iccsn"]
    hand.eject(1)
    hand.insert(1, iccsn)
    until(lambda: iccsn in [card["Iccsn"] for card in caller.cards()])


def picture(
    chromium: Browser, lab: LabProcess, name: str, *, says: str, height: int | None = None, **options: str
) -> None:
    """One picture of the page once it says so; without `height` the whole page."""
    url = f"{lab.ready['portal']['url']}/instances/praxis-1"
    size = {"width": WIDTH, "height": height or 900}
    with watched(chromium, url, viewport=size, **options) as seen:
        expect(seen.page.locator("[data-on]")).to_be_visible()
        expect(seen.page.locator(".sentence")).to_contain_text(says)
        seen.page.screenshot(path=FOLDER / f"{name}.png", full_page=height is None, animations="disabled")


if __name__ == "__main__":
    sys.exit(main())
