"""The lab personalises HSMs: virtual SMC-Bs in a SoftHSM2 token or in a folder. TEST-ONLY.

A virtual SMC-B is what an SMC-B of the same institution would hold. Labels: `tiaas.konnektor.hsm.settings` says them.
"""

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.lab.errors import LabError
from tiaas.lab.keys import read_key
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.ready import write_private
from tiaas.lab.seed import Institution
from tiaas.pki.passwordhash import hash_password
from tiaas.pki.pkcs11 import Token

EDITION = 90
"""Of virtual SMC-Bs, so that their ICCSNs are none of cards."""
CONFIGURATION = "SOFTHSM2_CONF"
"""The environment variable by which SoftHSM2 finds its configuration, read when the module is loaded."""
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
_TOOL = "softhsm2-util"
_ESIGN = "MF/DF.ESIGN"
_CODE_DIGITS = 10


@dataclass(frozen=True, slots=True, repr=False)
class VirtualSmbContent:
    """One virtual SMC-B: private keys (PKCS#8), certificates and other octets by label, and its activation code."""

    iccsn: str
    holder: str
    code: Secret
    keys: Mapping[str, bytes] = field(default_factory=dict)
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    data: Mapping[str, bytes] = field(default_factory=dict)


async def personalise_smb(maker: Personaliser, institution: Institution, entropy: Entropy) -> VirtualSmbContent:
    """The virtual SMC-B of an institution, with a new activation code."""
    made = maker.smcb(institution, edition=EDITION)
    iccsn = made.image.iccsn.hex()
    keys, certificates = await beside(0, _objects, maker, made, iccsn)
    code = Secret("".join(str(octet % 10) for octet in entropy.octets(_CODE_DIGITS)).encode())
    kept = await hash_password(code, entropy)
    data = {
        f"{iccsn}.activation": json.dumps(kept.to_row()).encode(),
        f"{iccsn}.AUTR_CVC.E256": made.image.files["MF/EF.C.SMC.AUTR_CVC.E256"],
        f"{iccsn}.CA_CVC.E256": made.image.files["MF/EF.C.CA_SMC.CS.E256"],
    }
    return VirtualSmbContent(iccsn, made.holder, code, keys, certificates, data)


def _objects(maker: Personaliser, made: PersonalisedCard, iccsn: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    image = made.image
    keys = {f"{iccsn}.AUTR_CVC.E256": image.keys["MF/PrK.SMC.AUTR_CVC.E256"]}
    certificates = {}
    for name in (f"{usage}.{suffix}" for usage in ("AUT", "OSIG", "ENC") for suffix in ("E256", "R2048")):
        key_path, file_path = f"{_ESIGN}/PrK.HCI.{name}", f"{_ESIGN}/EF.C.HCI.{name}"
        if file_path not in image.files and not maker.provide(image, file_path):
            continue
        keys[f"{iccsn}.{name}"] = image.keys[key_path]
        certificates[f"{iccsn}.{name}"] = image.files[file_path]
    return keys, certificates


def write_folder(content: VirtualSmbContent, folder: Path) -> None:
    """Puts a virtual SMC-B into a folder of software keys."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for suffix, objects in (("key", content.keys), ("cer", content.certificates), ("bin", content.data)):
        for label, octets in objects.items():
            write_private(folder / f"{label}.{suffix}", octets)


async def write_token(content: VirtualSmbContent, token: Token) -> None:
    """Puts a virtual SMC-B into a token that is open and writable, in the place of what has its labels.

    Who was killed meanwhile does it again from the beginning. Raises `TokenError`.
    """
    await token.work(lambda session: _fill(session, content))


def _fill(session: Any, content: VirtualSmbContent) -> None:
    from pkcs11 import Attribute, ObjectClass
    from pkcs11.util.ec import decode_ec_private_key
    from pkcs11.util.rsa import decode_rsa_private_key
    from pkcs11.util.x509 import decode_x509_certificate

    for label in {*content.keys, *content.certificates, *content.data}:
        for left_over in list(session.get_objects({Attribute.LABEL: label})):
            left_over.destroy()
    stored = {Attribute.TOKEN: True, Attribute.PRIVATE: True}
    secret = {**stored, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
    for label, pkcs8 in content.keys.items():
        key = read_key(pkcs8)
        der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        use = {Attribute.LABEL: label, Attribute.SIGN: True}
        if isinstance(key, ec.EllipticCurvePrivateKey):
            session.create_object({**decode_ec_private_key(der), **secret, **use, Attribute.DERIVE: True})
        else:
            session.create_object({**decode_rsa_private_key(der), **secret, **use, Attribute.DECRYPT: True})
    for label, der in content.certificates.items():
        attributes = decode_x509_certificate(der)
        session.create_object({**attributes, Attribute.TOKEN: True, Attribute.LABEL: label})
    for label, octets in content.data.items():
        session.create_object(
            {Attribute.CLASS: ObjectClass.DATA, **stored, Attribute.LABEL: label, Attribute.VALUE: octets}
        )


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """A SoftHSM2 token in a folder; it is found if `CONFIGURATION` names its file before the module is loaded."""

    folder: Path
    module: Path
    label: str

    @property
    def configuration(self) -> Path:
        """SoftHSM2's configuration file."""
        return self.folder / "softhsm2.conf"

    @property
    def pin_file(self) -> Path:
        """The file with the PIN of the token's user."""
        return self.folder / f"{self.label}.pin"

    def token(self, *, writable: bool = False) -> Token:
        """The token, not opened yet."""
        return Token(self.module, self.label, Secret(self.pin_file.read_bytes()), writable=writable)


async def make_soft_hsm(folder: Path, label: str, entropy: Entropy) -> SoftHsm:
    """A new, empty token of SoftHSM2 in a folder; the one that is there, if there is one. Raises `LabError`."""
    hsm = SoftHsm(folder, soft_hsm_module(), label)
    if hsm.pin_file.exists():
        return hsm
    tokens = folder / "tokens"
    tokens.mkdir(mode=0o700, parents=True, exist_ok=True)
    hsm.configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin, administrator = (entropy.octets(8).hex() for _ in range(2))
    # One whose PIN nobody kept, because its maker was killed; mostly there is none.
    await _tool(hsm, "--delete-token", "--token", label)
    if await _tool(hsm, "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", administrator):
        raise LabError("softhsm2-util did not make a token")
    write_private(hsm.pin_file, pin.encode())
    return hsm


async def _tool(hsm: SoftHsm, *words: str) -> int:
    """Its exit code."""
    process = await asyncio.create_subprocess_exec(
        _TOOL, *words,
        env={CONFIGURATION: str(hsm.configuration), "PATH": "/usr/bin:/usr/local/bin"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


def soft_hsm_module() -> Path:
    """Where SoftHSM2 is on this machine. Raises `LabError`."""
    found = next((Path(path) for path in _MODULES if Path(path).exists()), None)
    if found is None or shutil.which(_TOOL) is None:
        raise LabError("SoftHSM2 is not installed (Debian: apt-get install softhsm2)")
    return found
