"""The LDAP proxy with a real directory behind it and foreign clients in front of it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from tests.integration.lab.labprocess import LabProcess

GENERAL = "urn:psc:1.3.6.1.4.1.19376.3.276.1.5.4:ALLG"

pytestmark = pytest.mark.requirement("TIP1-A_5518")


def ldapsearch(lab: LabProcess, *words: str, number: int = 1, identity: int | None = None) -> tuple[int, str]:
    """Result code and output of OpenLDAP's client; `identity` is whose certificate it shows, 0 none."""
    program = shutil.which("ldapsearch")
    if program is None:
        pytest.skip("needs ldapsearch (Debian package ldap-utils)")
    entry = lab.ready["instances"][number - 1]
    shown = number if identity is None else identity
    environ = {**os.environ, "LDAPTLS_CACERT": entry["konnektor"]["ca"]}
    if shown:
        client = lab.ready["instances"][shown - 1]["client"]
        environ |= {"LDAPTLS_CERT": client["cert"], "LDAPTLS_KEY": client["key"]}
    command = [program, "-x", "-LLL", "-o", "ldif-wrap=no", "-H", entry["ldap"]["url"], "-b", entry["ldap"]["base"]]
    done = subprocess.run([*command, *words], env=environ, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_ready_file_says_where(lab: LabProcess) -> None:
    entry = lab.ready["ldap"]
    assert entry["url"].startswith("ldaps://127.0.0.1:")
    assert entry["plain"] is None
    assert entry["base"] == "dc=data,dc=vzd"
    assert lab.ready["lab"]["vzd"].startswith("ldaps://")


def test_ldapsearch_finds_a_certificate_by_mail(lab: LabProcess) -> None:
    code, text = ldapsearch(lab, "(mail=BEATRIX.sonnenfeld@kim.tiaas.example)", "userCertificate", "telematikID")
    assert code == 0, text
    assert "telematikID: 1-" in text
    assert "userCertificate;binary::" in text


def test_filters_of_the_field(lab: LabProcess) -> None:
    for filter_, name in (
        ("(&(domainID=109990029)(entryType=5))", "uid=kasse-109990029"),
        (
            f"(&(professionOID=1.2.276.0.76.4.50)(specialization={GENERAL}))",
            "uid=lei-1",
        ),
        ("(displayName=bkk muster & sö*)", "uid=kasse-109990029"),
        ("(&(localityName=Probsthausen)(!(entryType=1)))", "uid=lei-2"),
    ):
        code, text = ldapsearch(lab, filter_, "displayName")
        assert code == 0, text
        assert f"dn: {name},dc=data,dc=vzd" in text, filter_
    assert ldapsearch(lab, "(mail=nobody@kim.tiaas.example)")[1].strip() == ""


def test_limits_go_through(lab: LabProcess) -> None:
    code, text = ldapsearch(lab, "-z", "2", "(objectClass=*)", "cn")
    assert code == 4
    assert text.count("dn: ") == 2


@pytest.mark.requirement("TIP1-A_5521")
def test_starttls_is_refused(lab: LabProcess) -> None:
    code, text = ldapsearch(lab, "-ZZ", "(cn=*)")
    assert code != 0
    assert "unwilling" in text.lower() or "53" in text


@pytest.mark.requirement("A_21224-01")
@pytest.mark.parametrize("identity", [0, 2])
def test_a_client_without_a_certificate_of_the_instance_is_refused(lab: LabProcess, identity: int) -> None:
    code, text = ldapsearch(lab, "(cn=*)", identity=identity)
    assert code in (254, 255), text
    assert "Can't contact LDAP server" in text


@pytest.mark.requirement("TIP1-A_5521")
def test_ldap3_finds_the_same(lab: LabProcess) -> None:
    entry = lab.ready["instances"][1]
    client = entry["client"]
    words = (entry["ldap"]["url"], entry["ldap"]["base"], "(entryType=5)", entry["konnektor"]["ca"])
    program = Path(__file__).with_name("foreign_ldap3.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), *words, client["cert"], client["key"]],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer["found"]) >= {"109990018", "109990029"}
    certificate = x509.load_der_x509_certificate(bytes.fromhex(answer["found"]["109990018"]))
    assert "Testkasse" in certificate.subject.rfc4514_string()
    assert answer["modify"] == 53


def test_the_verb(lab: LabProcess) -> None:
    done = lab.tiaas("directory", "search", "Sonnenfeld", "--dir", str(lab.folder))
    assert done.returncode == 0, done.stderr
    assert "Praxis Dr. Beatrix Sonnenfeld" in done.stdout
    assert "kimData" in done.stdout
    done = lab.tiaas("directory", "search", "(entryType=5)", "--limit", "1", "--json", "--dir", str(lab.folder))
    assert len(json.loads(done.stdout)) == 1
    assert "more" in done.stderr
    done = lab.tiaas("directory", "search", "(entryType", "--dir", str(lab.folder))
    assert done.returncode == 2


def fault(lab: LabProcess, **what: Any) -> None:
    httpx.post(lab.ready["lab"]["faults"], json=what).raise_for_status()


def journal(lab: LabProcess) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = httpx.get(lab.ready["lab"]["journal"], params={"service": "vzd"}).json()["entries"]
    return entries


def test_the_directorys_faults_and_journal(lab: LabProcess) -> None:
    fault(lab, service="vzd", code="51", match="(mail=busy")
    code, text = ldapsearch(lab, "(mail=busy@kim.tiaas.example)")
    assert code == 51, text
    fault(lab, service="vzd", drop=True, match="(mail=drop")
    code, text = ldapsearch(lab, "(mail=drop@kim.tiaas.example)")
    assert code == 52, text
    assert ldapsearch(lab, "(domainID=109990018)", "cn")[0] == 0
    last = journal(lab)[-3:]
    assert [entry["outcome"] for entry in last] == ["result 51", "no answer", "result 0, 1 entries"]
    assert last[-1]["subject"] == "(domainID=109990018)"


@pytest.mark.requirement("TIP1-A_5521")
def test_without_tls_nothing_is_answered(lab: LabProcess) -> None:
    host, _, port = lab.ready["ldap"]["url"].removeprefix("ldaps://").rpartition(":")
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(bytes.fromhex("300c020101600702010304008000"))
        line.settimeout(20)
        # An alert of TLS at most, and the end.
        assert not line.recv(100).startswith(b"\x30")
