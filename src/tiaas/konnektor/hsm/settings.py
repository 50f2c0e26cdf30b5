"""What an instance is told of an HSM (gemSpec_Kon V5.18 TIP1-A_4535; gemF_Personalisierung_HSM A_23632-01).

Keys, certificates and the rest of a virtual SMC-B lie in the token under labels that begin with `prefix`, its ICCSN if
there is none:

    PREFIX.AUT.E256        private key and certificate; likewise .OSIG., .ENC., and .R2048
    PREFIX.AUTR_CVC.E256   private key and CV certificate (data object), for ReadVSD; PREFIX.CA_CVC.E256 its CA's
    PREFIX.activation      salt and scrypt hash of the activation code (data object, JSON)
"""

import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.cardmap import AUT, ECC, ENC, RSA, SIG

SLOTS_MAX = 14
_USAGES = {AUT: "AUT", SIG: "OSIG", ENC: "ENC"}
_SUFFIXES = {ECC: "E256", RSA: "R2048"}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class VirtualSmb:
    """One virtual SMC-B. `order_number` is the issuer's; `labels` has those that differ from the rule, by name."""

    iccsn: str
    order_number: str = ""
    prefix: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9]{20}", self.iccsn):
            raise InvalidInput("the ICCSN of a virtual SMC-B has 20 digits")
        for label in (self.prefix or self.iccsn, *self.labels.values()):
            if not _NAME.fullmatch(label):
                raise InvalidInput("a label in a token has 1 to 64 letters, digits, dots, dashes and underscores")

    def label(self, name: str) -> str:
        """The label of what has `name` by the rule, like AUT.E256."""
        return self.labels.get(name, f"{self.prefix or self.iccsn}.{name}")

    def key_labels(self) -> Mapping[tuple[str, str], str]:
        """Labels of keys and certificates by reference and crypt."""
        return {
            (reference, crypt): self.label(f"{usage}.{suffix}")
            for reference, usage in _USAGES.items()
            for crypt, suffix in _SUFFIXES.items()
        }


@dataclass(frozen=True, slots=True)
class HsmSettings:
    """One HSM as a logical card terminal `ct_id`, its virtual SMC-Bs in slots from 1 on.

    Either `module` (the PKCS#11 library), `token` (its label) and `pin_file`, or for a lab `folder` with keys in files.
    Raises `InvalidInput`.
    """

    ct_id: str
    smbs: tuple[VirtualSmb, ...]
    module: Path | None = None
    token: str = ""
    pin_file: Path | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.ct_id):
            raise InvalidInput("ct_id of an HSM has 1 to 64 letters, digits, dots, dashes and underscores")
        if not 1 <= len(self.smbs) <= SLOTS_MAX:
            raise InvalidInput(f"a logical card terminal has 1 to {SLOTS_MAX} virtual SMC-Bs: give the HSM another one")
        if len({smb.iccsn for smb in self.smbs}) != len(self.smbs):
            raise InvalidInput("two virtual SMC-Bs have the same ICCSN")
        in_token = self.module is not None and bool(self.token) and self.pin_file is not None
        if in_token is (self.folder is not None):
            raise InvalidInput("an HSM has either module, token and pin_file, or for a lab a folder")
