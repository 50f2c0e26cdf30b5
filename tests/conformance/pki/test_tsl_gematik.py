"""GS-A_4649, GS-A_4651: gematik's published lists (ref-GemLibPki) are read or refused as their names say."""

import base64
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.path import PathError, PathFault
from tiaas.pki.signedlist import check_tsl_signer, read_signed_list
from tiaas.pki.tsl import BACKUP_LOCATION, PRIMARY_LOCATION, ServiceStatus, ServiceType, TslError, TslFault
from tiaas.pki.tslreader import decode_tsl_untrusted

LISTS = Path(__file__).parents[4] / "shared" / "vectors" / "gemlibpki-tsl"

# What each file is: the fault it is refused with, or the number of its services.
EXPECTED: dict[str, TslFault | int] = {
    "TSL_TAchange.xml": 313,
    "TSL_altCA_revoked.xml": 313,
    "TSL_default.xml": 316,
    "TSL_defect_TAchange_broken.xml": 269,
    # Indented after it was signed; xmlsec1 refuses it too.
    "TSL_defect_altCA_missingSsp.xml": TslFault.XML_SIGNATURE_ERROR,
    "TSL_invalid_Signature_broken.xml": TslFault.XML_SIGNATURE_ERROR,
    "TSL_invalid_xmlMalformed_altCA.xml": TslFault.TSL_NOT_WELLFORMED,
}

pytestmark = pytest.mark.skipif(not LISTS.is_dir(), reason="gematik's lists are not beside the project")


def document(name: str) -> bytes:
    return (LISTS / name).read_bytes()


def test_no_list_is_left_out() -> None:
    assert {path.name for path in LISTS.glob("*.xml")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_list_is_read_or_refused(name: str) -> None:
    expected = EXPECTED[name]
    if isinstance(expected, TslFault):
        with pytest.raises(TslError) as error:
            read_signed_list(document(name))
        assert error.value.fault is expected
        return
    signed = read_signed_list(document(name))
    assert len(signed.content.services) == expected
    assert signed.content.id.startswith("ID3")
    assert signed.content.next_update is not None
    assert signed.content.next_update > signed.content.issued
    assert signed.content.location(PRIMARY_LOCATION) != signed.content.location(BACKUP_LOCATION)


@pytest.mark.parametrize("name", [name for name in EXPECTED if "Malformed" not in name])
def test_xmlsec1_agrees(name: str, tmp_path: Path) -> None:
    text = document(name).decode()
    blocks = re.findall(r"<ds:X509Certificate>([^<]*)<", text)
    certificate = base64.b64decode(re.sub(r"&#13;|\s", "", blocks[0]))
    (tmp_path / "signer.der").write_bytes(certificate)
    run = ["xmlsec1", "--verify", "--id-attr:Id", "SignedProperties", "--enabled-reference-uris", "empty,same-doc"]
    run += ["--pubkey-cert-der", str(tmp_path / "signer.der"), str(LISTS / name)]
    accepted = subprocess.run(run, capture_output=True, check=False).returncode == 0
    assert accepted is isinstance(EXPECTED[name], int)


def test_services_of_the_default_list() -> None:
    content = read_signed_list(document("TSL_default.xml")).content
    assert content.sequence_number == 420007
    assert content.issued == datetime(2025, 7, 23, 11, 44, 45, tzinfo=UTC)
    counts = {kind: sum(1 for _ in content.of_type(kind)) for kind in ServiceType}
    assert counts[ServiceType.CA] == 160
    assert counts[ServiceType.OCSP] == 117
    assert counts[ServiceType.CVC_ROOT] == 13
    first = next(content.of_type(ServiceType.CA))
    assert first.provider == "achelos GmbH"
    assert first.supply_points == ("http://ocsp.achelos.de:8080/ocsp/egk",)
    assert "1.2.276.0.76.4.70" in first.extensions
    for service in content.of_type(ServiceType.CA):
        (der,) = service.certificates
        assert decode_certificate_untrusted(der).is_ca
    assert all(len(service.cvcs) == 1 for service in content.of_type(ServiceType.CVC_ROOT))
    assert len(next(content.of_type(ServiceType.BNETZA)).certificates) == 2
    assert content.anchor_change() is None


def test_revoked_ca_is_told() -> None:
    content = read_signed_list(document("TSL_altCA_revoked.xml")).content
    revoked = [service for service in content.services if service.status == ServiceStatus.REVOKED]
    assert revoked
    assert {service.type for service in revoked} == {ServiceType.CA}


def test_announced_anchor_and_its_list() -> None:
    signed = read_signed_list(document("TSL_TAchange.xml"))
    announced = signed.content.anchor_change()
    assert announced is not None
    assert "CN=GEM.TSL-CA52 TEST-ONLY" in announced.name
    old = next(service for service in signed.content.of_type(ServiceType.CA) if "GEM.TSL-CA51" in service.name)
    anchors = [decode_certificate_untrusted(service.certificates[0]) for service in (announced, old)]
    at = signed.content.issued + timedelta(days=1)
    assert check_tsl_signer(signed.signer, anchors, at) is anchors[1]
    with pytest.raises(PathError) as error:
        check_tsl_signer(signed.signer, anchors[:1], at)
    assert error.value.fault is PathFault.CA_CERT_MISSING
    with pytest.raises(TslError) as missing:
        check_tsl_signer(signed.signer, (), at)
    assert missing.value.code == 1042


def test_broken_anchor_does_not_break_the_list() -> None:
    announced = read_signed_list(document("TSL_defect_TAchange_broken.xml")).content.anchor_change()
    assert announced is not None
    with pytest.raises(BadCertificate):
        decode_certificate_untrusted(announced.certificates[0])


def test_missing_supply_point_does_not_break_the_list() -> None:
    content = decode_tsl_untrusted(document("TSL_defect_altCA_missingSsp.xml"))
    assert any(not service.supply_points for service in content.of_type(ServiceType.CA))
