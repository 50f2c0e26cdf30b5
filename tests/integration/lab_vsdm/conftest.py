"""A lab whose VSDM services run on real sockets, and clients that show an SMC-B."""

import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.objsys.model import CardKind
from tiaas.lab.lab import Lab
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.lab.store import LabStore
from tiaas.pki.tlsfiles import load_identity


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed lab with both key families; copied for each test, because making keys takes time."""
    folder = tmp_path_factory.mktemp("made-once") / "lab"
    store = LabStore.open(folder)
    made = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    made.load(1)
    made.pki.authority(AuthorityKind.SMCB, Family.RSA)
    store.close()
    return folder


@pytest.fixture
async def lab(made_once: Path, tmp_path: Path) -> AsyncIterator[Lab]:
    store = LabStore.open(Path(shutil.copytree(made_once, tmp_path / "lab")))
    opened = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    opened.load(None)
    await opened.vsdm.start(opened.ports)
    yield opened
    await opened.vsdm.stop()
    store.close()


def smcb_identity(lab: Lab, name: str) -> tuple[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, x509.Certificate]:
    """Key and certificate `HCI.AUT.E256`, `HCI.AUT.R2048`, `HCI.OSIG.E256` … out of the practice's SMC-B."""
    (smcb,) = lab.cards.of_practice(1, CardKind.SMC_B)
    image, path = smcb.card.image, f"MF/DF.ESIGN/EF.C.{name}"
    assert path in image.files or lab.provide(image, path)
    key = load_der_private_key(image.keys[path.replace("EF.C.", "PrK.")], None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return key, x509.load_der_x509_certificate(image.files[path])


def client_context(lab: Lab, name: str | None = "HCI.AUT.E256") -> ssl.SSLContext:
    """Trusts the lab's component CA and shows that certificate of the SMC-B (none: no certificate)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    issuer = lab.pki.authority(AuthorityKind.KOMP).certificate
    context.load_verify_locations(cadata=issuer.public_bytes(Encoding.DER))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if name is not None:
        load_identity(context, *smcb_identity(lab, name))
    return context


@pytest.fixture
async def connect(lab: Lab) -> AsyncIterator[Callable[[str | None], httpx.AsyncClient]]:
    """Makes clients of the Intermediär with a certificate of the SMC-B."""
    made: list[httpx.AsyncClient] = []

    def client(name: str | None = "HCI.AUT.E256") -> httpx.AsyncClient:
        found = httpx.AsyncClient(base_url=lab.vsdm.url, verify=client_context(lab, name), trust_env=False, timeout=20)
        made.append(found)
        return found

    yield client
    for found in made:
        await found.aclose()


@pytest.fixture
async def http(connect: Callable[[str | None], httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client with C.HCI.AUT.E256."""
    return connect("HCI.AUT.E256")
