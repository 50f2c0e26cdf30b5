"""The portal before a played node and a played lab: pages, languages, what it refuses."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from lxml import etree, html

from tests.unit.portal.statuses import AT, hsm, hsmb, instance, sink, smcb, terminal, trust
from tiaas.base.clock import ManualClock
from tiaas.base.secret import Secret
from tiaas.portal.app import Portal, portal_app
from tiaas.portal.labhand import LabHand
from tiaas.portal.status import Card, Condition, Instance, Ocsp, OnlineCheck, Pin, Ti, TrustList, TslService
from tiaas.portal.statusclient import StatusClient
from tiaas.portal.texts import Texts
from tiaas.portal.texts_de import DE
from tiaas.portal.texts_en import EN

PAGE = "/instances/praxis-1"
TOKEN = "page-token"
ROOM = {
    "terminals": [
        {
            "ct_id": "CT-1", "practice": 1, "plugged": True, "display": "PIN.SMC für <b>Praxis</b>", "prompt": "PIN: ",
            "idle_text": "Bereit", "entry": "**", "pin_policy": {"mode": "manual"},
            "slots": [
                {"number": 1, "state": "empty"},
                {"number": 2, "state": "active", "iccsn": "SMCB", "type": "SMC-B", "holder": "Praxis <Muster>"},
            ],
        }
    ],
    "cards": [
        {"iccsn": "SMCB", "type": "SMC-B", "holder": "Praxis", "practice": 1, "home": {"ct_id": "CT-1", "slot": 2}},
        {"iccsn": "EGK1", "type": "EGK", "holder": "Erika M.", "practice": 1, "home": {"ct_id": "CT-1", "slot": 1}},
        {"iccsn": "EGK2", "type": "EGK", "holder": "Nachbar", "practice": 2, "home": {"ct_id": "CT-2", "slot": 1}},
    ],
}  # fmt: skip


def as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, datetime | date) else value


class World:
    """What the portal talks to. `pressed` are the requests that change something at the control port."""

    def __init__(self) -> None:
        self.status: Instance | None = instance(terminal(None, smcb()))
        self.names = ["praxis-1"]
        self.pressed: list[tuple[str, str, Any]] = []
        self.refuses = False

    def node(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer node-token"
        if self.status is None:
            raise httpx.ConnectError("away")
        if request.url.path == "/instances":
            keys = {"url": "https://x", "profile": "hsk", "terminals": 1, "terminals_connected": 1}
            return httpx.Response(200, json={"version": 1, "instances": [{"name": n, **keys} for n in self.names]})
        if request.url.path != PAGE:
            return httpx.Response(404)
        tag = f'"{hash(self.status)}"'
        if request.headers.get("if-none-match") == tag:
            return httpx.Response(304)
        return httpx.Response(200, json=as_json(self.status), headers={"ETag": tag})

    def lab(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=ROOM)
        self.pressed.append((request.method, request.url.path, json.loads(request.content or b"null")))
        return httpx.Response(409, json={"error": "slot is full"}) if self.refuses else httpx.Response(200, json={})

    def portal(self, *, lab: bool = True) -> httpx.AsyncClient:
        hand = LabHand("http://lab", httpx.MockTransport(self.lab)) if lab else None
        status = StatusClient("http://node", Secret(b"node-token"), httpx.MockTransport(self.node))
        titles = {"praxis-1": "Praxis & Söhne"}
        clock = ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
        portal = Portal(status, clock, Secret(TOKEN.encode()), hand, titles)
        return httpx.AsyncClient(transport=httpx.ASGITransport(portal_app(portal)), base_url="http://127.0.0.1:8440")


@pytest.fixture
def world() -> World:
    return World()


def form(**fields: str) -> dict[str, str]:
    return {"csrf": TOKEN, "ct": "CT-1", **fields}


async def test_the_page_is_strict_html_without_inline_code(world: World) -> None:
    async with world.portal() as http:
        answer = await http.get(PAGE)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = html.fromstring(answer.text)
    assert page.get("lang") == "de"
    assert [script.text for script in page.iter("script")] == [None]
    assert list(page.iter("style")) == []
    for element in page.iter(etree.Element):
        assert not [name for name in element.attrib if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action"):
            assert element.get(name, "/").startswith(("/", "#"))
    ids = [element.get("id") for element in page.iter(etree.Element) if element.get("id")]
    assert len(ids) == len(set(ids))


async def test_what_comes_from_outside_is_escaped(world: World) -> None:
    async with world.portal() as http:
        text = (await http.get(PAGE)).text
    assert "Praxis &amp; Söhne" in text
    assert "Praxis &lt;Muster&gt;" in text
    assert "&lt;b&gt;Praxis&lt;/b&gt;" in text


@pytest.mark.parametrize(("accepted", "texts"), [("de-DE,de;q=0.9", DE), ("en-GB", EN), ("fr", DE)])
async def test_the_language_follows_the_browser(world: World, accepted: str, texts: Any) -> None:
    async with world.portal() as http:
        answer = await http.get(PAGE, headers={"Accept-Language": accepted})
    assert texts.all_well in answer.text
    assert texts.ct_active in answer.text
    assert answer.headers["content-language"] == texts.code
    assert answer.headers["vary"] == "Accept-Language, Cookie"


async def test_a_chosen_language_stays(world: World) -> None:
    async with world.portal() as http:
        assert EN.all_well in (await http.get(f"{PAGE}?lang=en")).text
        assert EN.all_well in (await http.get(PAGE)).text
        assert DE.all_well in (await http.get(f"{PAGE}?lang=de")).text
        assert DE.all_well in (await http.get(f"{PAGE}/parts")).text


async def test_asking_again_is_cheap(world: World) -> None:
    async with world.portal() as http:
        first = await http.get(f"{PAGE}/parts")
        again = await http.get(f"{PAGE}/parts", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        world.status = instance(terminal(smcb(Pin("PIN.SMC", "BLOCKED"))))
        changed = await http.get(f"{PAGE}/parts", headers={"If-None-Match": first.headers["etag"]})
    assert DE.card_blocked in changed.text


async def test_every_state_has_a_page(world: World) -> None:
    odd = Card("h", "UNKNOWN", too_old=True, busy=True)
    conditions = (Condition("EC_X", "Fatal", "CT-1", "Oh weh", datetime(2026, 3, 1, tzinfo=UTC)),)
    failed = TrustList(last_attempt=AT, succeeded=False, code=1006, reason="x")
    states: list[Instance | None] = [
        instance(terminal(odd, smcb(None), Card("x", "HBA", pin=Pin("PIN.CH", "BLOCKED")), pin_entry=True)),
        instance(terminal(None, connected=False), clients=(), calls=(), events=(), conditions=conditions, since=None),
        dataclasses.replace(instance(), terminals=(), trust=trust(), sinks=(sink(), sink(failures_in_row=1))),
        instance(sinks=(), trust=trust(tsl=failed, ocsp=Ocsp(code=1032, last_at=AT), anchor=None)),
        instance(trust=trust(tsl_service=TslService(AT, 4236, "not oid_tsl_ti"))),
        instance(terminal(smcb()), hsm(None, connected=False)),
        instance(trust=trust(lists=False), ti=Ti(True, True, last_check=OnlineCheck(AT, 3, 12103))),
    ]
    async with world.portal(lab=False) as http:
        for state in states:
            world.status = state
            for lang in ("de", "en"):
                answer = await http.get(f"{PAGE}?lang={lang}")
                assert answer.status_code == 200
                html.fromstring(answer.text)


@pytest.mark.parametrize("lab", [True, False])
@pytest.mark.parametrize(
    ("texts", "name", "active", "inactive"),
    [
        (DE, "Virtuelle SMC-B", "aktiviert", "nicht aktiviert"),
        (EN, "Virtual SMC-B", "activated", "not activated"),
    ],
)
async def test_a_virtual_practice_card_is_shown_as_one(
    world: World, texts: Texts, name: str, active: str, inactive: str, lab: bool
) -> None:
    world.status = instance(terminal(None, smcb()), hsm(hsmb(), hsmb("NOT_VERIFIED"), None))
    async with world.portal(lab=lab) as http:
        page = html.fromstring((await http.get(f"{PAGE}?lang={texts.code}")).text)
    (shown,) = page.xpath("//article[@id='HSM-1']")
    assert texts.hsm in shown.text_content()
    assert "localhost" not in shown.text_content()
    assert not shown.xpath(".//*[contains(@class, 'keypad') or contains(@class, 'screen')] | .//button")
    assert shown.xpath(".//svg/@aria-label") == [f"HSM-B, {name}"] * 2
    assert not shown.xpath(".//svg/*[@class='chip']")
    assert [lamp.text_content()[1:] for lamp in shown.xpath(".//li//p[contains(@class, 'lamp')]")] == [active, inactive]
    assert [lamp.get("class") for lamp in shown.xpath(".//li//p[contains(@class, 'lamp')]")] == [
        "lamp green",
        "lamp yellow",
    ]
    assert "PIN.SMC" not in shown.text_content()
    (other,) = page.xpath("//article[@id='CT-1']")
    assert other.xpath(".//*[contains(@class, 'keypad')]")
    assert texts.hsm not in other.text_content()


async def test_a_tsl_service_that_was_refused_is_said(world: World) -> None:
    async with world.portal() as http:
        for service, is_said in ((TslService(AT, 4236, "not oid_tsl_ti"), True), (TslService(AT), False)):
            world.status = instance(trust=trust(tsl_service=service))
            assert ("(4236)" in (await http.get(f"{PAGE}/parts")).text) is is_said


@pytest.mark.requirement("TIP1-A_4982")
@pytest.mark.parametrize(("environment", "heading"), [("RU", "Praxis & Söhne · RU"), (None, "Praxis & Söhne")])
async def test_the_environment_stands_in_the_heading(world: World, environment: str | None, heading: str) -> None:
    world.status = instance(environment=environment)
    async with world.portal() as http:
        page = html.fromstring((await http.get(PAGE)).text)
    assert page.findtext(".//h1") == heading


async def test_an_instance_that_does_not_answer_is_said_to(world: World) -> None:
    world.status = None
    async with world.portal() as http:
        page, parts = await http.get(PAGE), await http.get(f"{PAGE}/parts")
        assert (await http.get("/")).status_code == 503
    assert (page.status_code, parts.status_code) == (503, 200)
    assert DE.konnektor_unreachable in page.text
    assert DE.konnektor_unreachable in parts.text


async def test_one_instance_is_the_front_page_and_several_are_listed(world: World) -> None:
    async with world.portal() as http:
        alone = await http.get("/?lang=en")
        assert (alone.status_code, alone.headers["location"]) == (303, f"{PAGE}?lang=en")
        world.names.append("praxis-2")
        listed = html.fromstring((await http.get("/")).text)
    assert [link.get("href") for link in listed.findall(".//h2/a")] == ["/instances/praxis-1", "/instances/praxis-2"]


async def test_without_a_lab_nothing_can_be_changed(world: World) -> None:
    async with world.portal(lab=False) as http:
        page = (await http.get(PAGE)).text
        answer = await http.post(f"{PAGE}/hand", data=form(do="eject", slot="2"))
    assert "<form" not in page
    assert "Muster" not in page
    assert DE.lab_hint not in page
    assert answer.status_code == 404
    assert world.pressed == []


@pytest.mark.parametrize(
    ("fields", "done"),
    [
        (form(do="insert", slot="1", iccsn="EGK1"), ("POST", "/terminals/CT-1/slots/1/insert", {"iccsn": "EGK1"})),
        (form(do="eject", slot="2"), ("POST", "/terminals/CT-1/slots/2/eject", None)),
        (form(do="key", key="7"), ("POST", "/terminals/CT-1/keys", {"key": "7"})),
        (form(do="key", key="correct"), ("POST", "/terminals/CT-1/keys", {"key": "correct"})),
        (form(do="policy", mode="manual"), ("PUT", "/terminals/CT-1/pin-policy", {"mode": "manual"})),
    ],
)
async def test_the_hand_moves(world: World, fields: dict[str, str], done: tuple[str, str, Any]) -> None:
    async with world.portal() as http:
        plain = await http.post(f"{PAGE}/hand", data=fields)
        script = await http.post(f"{PAGE}/hand", data=fields, headers={"Accept": "application/json"})
    assert (plain.status_code, plain.headers["location"]) == (303, f"{PAGE}#CT-1")
    assert script.status_code == 204
    assert world.pressed == [done, done]


@pytest.mark.parametrize(
    "fields",
    [
        form(do="key", key="12"),
        form(do="eject", slot="-1"),
        form(do="eject", slot="1/../../faults"),
        form(do="policy", mode="wrong"),
        form(do="fly"),
        form(),
        form(do="eject", slot="1") | {"ct": "CT-2"},
        form(do="eject", slot="1") | {"ct": "../faults"},
    ],
)
async def test_the_hand_does_nothing_else(world: World, fields: dict[str, str]) -> None:
    async with world.portal() as http:
        assert (await http.post(f"{PAGE}/hand", data=fields)).status_code == 409
    assert world.pressed == []


async def test_a_form_that_asks_for_nothing_is_told_in_words(world: World) -> None:
    async with world.portal() as http:
        answer = await http.post(f"{PAGE}/hand", data=form(do="fly"))
    assert DE.hand_refused.format(DE.hand_unknown) in answer.text


async def test_what_the_lab_refuses_is_told(world: World) -> None:
    world.refuses = True
    async with world.portal() as http:
        plain = await http.post(f"{PAGE}/hand", data=form(do="eject", slot="1"))
        script = await http.post(
            f"{PAGE}/hand", data=form(do="eject", slot="1"), headers={"Accept": "application/json"}
        )
    assert (plain.status_code, script.status_code) == (409, 409)
    assert "slot is full" in plain.text
    assert "slot is full" in script.json()["error"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fields, headers: fields.pop("csrf"),
        lambda fields, headers: fields.update(csrf="guess"),
        lambda fields, headers: headers.update({"Origin": "https://evil.example"}),
        lambda fields, headers: headers.update({"Origin": "null"}),
        lambda fields, headers: headers.update({"Sec-Fetch-Site": "cross-site"}),
        lambda fields, headers: headers.update({"Host": "evil.example"}),
    ],
)
async def test_a_foreign_page_moves_nothing(world: World, spoil: Callable[[Any, Any], None]) -> None:
    fields = form(do="eject", slot="2")
    headers: dict[str, str] = {}
    spoil(fields, headers)
    async with world.portal() as http:
        assert (await http.post(f"{PAGE}/hand", data=fields, headers=headers)).status_code == 403
    assert world.pressed == []


@pytest.mark.parametrize("host", ["evil.example", "10.0.0.1", "user@127.0.0.1", ""])
async def test_another_host_name_is_refused(world: World, host: str) -> None:
    async with world.portal() as http:
        for path in ("/", PAGE, f"{PAGE}/parts", f"{PAGE}/live", "/static/portal.js"):
            assert (await http.get(path, headers={"Host": host})).status_code == 403


async def test_a_form_is_bounded(world: World) -> None:
    async with world.portal() as http:
        assert (await http.post(f"{PAGE}/hand", content=b"a" * 5000)).status_code == 413
        assert (await http.post(f"{PAGE}/hand", content=b"&".join([b"a=1"] * 40))).status_code == 400
        assert (await http.post(f"{PAGE}/hand", content="csrf=ü".encode())).status_code == 400


async def test_what_is_not_there_is_not_found(world: World) -> None:
    async with world.portal() as http:
        for path in ("/instances/other", "/instances/other/parts", "/static/texts.py", "/static/..%2Fapp.py", "/x"):
            assert (await http.get(path)).status_code == 404
