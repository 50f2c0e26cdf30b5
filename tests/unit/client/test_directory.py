"""The service directory."""

import pytest

from tests.unit.client.fake_konnektor import FakeKonnektor
from tiaas.client.directory import BadDirectory, decode_directory_untrusted
from tiaas.client.errors import ServiceMissing


def test_versions_are_found_by_their_beginning() -> None:
    directory = decode_directory_untrusted(FakeKonnektor(port=443).directory())
    assert directory.find("CardService", "8.1").version == "8.1.2"
    assert directory.find("CardService", "8").version == "8.2.1"
    assert directory.find("VSDService", "5.2").location == "https://127.0.0.1:443/VSDService/5.2.0"
    assert dict(directory.product) == {"ProductType": "Konnektor"}


def test_what_is_missing_is_said_with_what_there_is() -> None:
    directory = decode_directory_untrusted(FakeKonnektor(port=443).directory())
    with pytest.raises(ServiceMissing, match=r"no CardService 9; it has 8\.1\.1, 8\.1\.2, 8\.2\.1"):
        directory.find("CardService", "9")
    with pytest.raises(ServiceMissing, match="no KVKService 4.0; it has none"):
        directory.find("KVKService", "4.0")


def test_7_20_is_not_7_2() -> None:
    text = FakeKonnektor(port=443).directory().replace(b'"7.2.0"', b'"7.20.0"')
    with pytest.raises(ServiceMissing):
        decode_directory_untrusted(text).find("EventService", "7.2")


def test_a_namespace_with_a_brace_is_no_trouble() -> None:
    # libxml2 refuses such a namespace, unless a relative one that it only warns of comes later.
    odd = b'<o:o xmlns:o="http://w{h}b"><x xmlns="rel/x"/></o:o>'
    text = FakeKonnektor(port=443).directory().replace(b"</C:ConnectorServices>", odd + b"</C:ConnectorServices>")
    assert odd in text
    assert decode_directory_untrusted(text).find("VSDService", "5.2").version == "5.2.0"


def test_locations_are_rewritten() -> None:
    directory = decode_directory_untrusted(FakeKonnektor(port=443).directory()).rewritten("https://10.1.2.3:8443/x")
    assert directory.find("VSDService", "5.2").location == "https://10.1.2.3:8443/VSDService/5.2.0"


def test_plain_endpoint_counts_where_there_is_no_other_and_nonsense_does_not() -> None:
    text = FakeKonnektor(port=443).directory()
    plain = decode_directory_untrusted(text.replace(b"EndpointTLS", b"Endpoint"))
    assert plain.find("VSDService", "5.2").version == "5.2.0"
    nothing = decode_directory_untrusted(text.replace(b"https://", b"ftp://"))
    assert nothing.versions == ()


@pytest.mark.parametrize("text", [b"", b"<html/>", b"<a", b"<!DOCTYPE a><a/>", b"\xff\xfe<\x00a\x00/\x00>\x00"])
def test_what_is_no_directory(text: bytes) -> None:
    with pytest.raises(BadDirectory):
        decode_directory_untrusted(text)
