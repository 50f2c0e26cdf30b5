"""The `.kon` file."""

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from tests.unit.client.fake_konnektor import make_identities
from tiaas.base.secret import Secret
from tiaas.client.errors import BadKon
from tiaas.client.kon import BasicCredentials, Pkcs12Credentials, load_kon, parse_kon
from tiaas.client.tls import build_context

BASIC = {
    "version": "1.0.0",
    "url": "https://konnektor.example:8443",
    "mandantId": "M1",
    "workplaceId": "W1",
    "clientSystemId": "C1",
    "credentials": {"type": "basic", "username": "user", "password": "secret"},
}


def _with(**changes: object) -> str:
    return json.dumps({**BASIC, **changes})


def test_basic() -> None:
    kon = parse_kon(_with(env="ru", expectedHost="k", insecureSkipVerify=True, rewriteServiceEndpoints=True), {})
    assert kon.credentials == BasicCredentials("user", Secret(b"secret"))
    assert (kon.url, kon.env, kon.expected_host) == ("https://konnektor.example:8443", "ru", "k")
    assert kon.insecure_skip_verify
    assert kon.rewrite_service_endpoints
    assert kon.user_id is None
    assert "secret" not in repr(kon)


def test_pkcs12_and_trust_store() -> None:
    identities = make_identities()
    kon = parse_kon(identities.kon("https://k:1"), {})
    assert kon.credentials == Pkcs12Credentials(Secret(kon.credentials.data.reveal()), Secret(b"geheim"))  # type: ignore[union-attr]
    assert len(kon.trust_store) == 1
    build_context(kon)


def test_variables_are_expanded() -> None:
    text = _with(credentials={"type": "basic", "username": "u", "password": "${KON_PASSWORD}"}, userId="${GONE}")
    kon = parse_kon(text, {"KON_PASSWORD": "from-env"})
    assert kon.credentials == BasicCredentials("u", Secret(b"from-env"))
    assert kon.user_id is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "missing: url, mandantId, workplaceId, clientSystemId, credentials"),
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (_with(env="prod"), "env must be one of ru, tu, pu"),
        (_with(url="konnektor"), "url must be like"),
        (_with(url="https://[::1"), "url must be like"),
        (_with(url=5), "url must be a string"),
        (_with(insecureSkipVerify="yes"), "insecureSkipVerify must be true or false"),
        (_with(credentials="x"), "credentials must be an object"),
        (_with(credentials={"type": "token"}), "credentials.type must be basic or pkcs12"),
        (_with(credentials={"type": "basic"}), "missing: credentials.username, credentials.password"),
        (_with(credentials={"type": "pkcs12"}), "missing: credentials.data"),
        (_with(credentials={"type": "pkcs12", "data": "%%"}), "credentials.data is not base64"),
        (_with(trustStore=["AAAA"]), r"trustStore\[0\] is not a certificate"),
        (_with(trustStore=[7]), r"trustStore\[0\] is not base64"),
        (_with(trustStore="x"), "trustStore must be an array"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(BadKon, match=message):
        parse_kon(text, {})


def test_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKon, match=r"gone\.kon cannot be read"):
        load_kon(tmp_path / "gone.kon", {})
    (tmp_path / "bad.kon").write_text("{}")
    with pytest.raises(BadKon, match=r"bad\.kon: missing"):
        load_kon(tmp_path / "bad.kon", {})
    (tmp_path / "good.kon").write_text(_with())
    assert load_kon(tmp_path / "good.kon", {}).mandant_id == "M1"


def test_no_secret_in_an_error() -> None:
    text = _with().replace("}", "").replace("secret", "hunter2")
    with pytest.raises(BadKon) as caught:
        parse_kon(text, {})
    assert "hunter2" not in f"{caught.value!r}{caught.value.__context__!r}" or caught.value.__suppress_context__


def test_unusable_pkcs12() -> None:
    identities = make_identities()
    data = b64encode(identities.p12()).decode()
    with pytest.raises(BadKon, match="wrong password"):
        build_context(parse_kon(_with(credentials={"type": "pkcs12", "data": data, "password": "x"}), {}))
    with pytest.raises(BadKon, match="cannot be opened"):
        build_context(parse_kon(_with(credentials={"type": "pkcs12", "data": "AAAA"}), {}))


def test_pkcs12_that_was_cut_off_is_told_with_the_file(tmp_path: Path) -> None:
    document = json.loads(make_identities().kon("https://k:1"))
    whole = b64decode(document["credentials"]["data"])
    document["credentials"]["data"] = b64encode(whole[:-100]).decode()
    path = tmp_path / "cut.kon"
    path.write_text(json.dumps(document))
    with pytest.raises(BadKon, match=rf"cut.kon: credentials.data is cut off: {len(whole) - 100} of {len(whole)} "):
        load_kon(path, {})
