"""Certificates of the lab's insurers (C.HCI.ENC, role oid_kostentraeger), so that the directory can list them.

Made once and kept with their PRIVATE KEYS in the lab's database.
"""

from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.lab.keys import new_ec_key, write_key
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import Insurer
from tiaas.lab.store import LabStore
from tiaas.lab.vzd.entries import insurer_telematik_id
from tiaas.pki.admission import build_admission
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.issue import EndEntity
from tiaas.pki.names import PostalAddress, cut, institution_name
from tiaas.pki.oids import CertificateType, Role

_META = "vzd-insurers"
_NAME_LIMIT = 40


class InsurerCertificates:
    """Gives each insurer's certificate."""

    def __init__(self, store: LabStore, pki: LabPki, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._pki = pki
        self._clock = clock
        self._entropy = entropy
        self._held: dict[str, Any] = store.meta(_META) or {}

    def of(self, insurer: Insurer) -> bytes:
        """The certificate (DER) that is valid now; makes one if need be."""
        held = self._held.get(insurer.ik)
        if held is not None:
            der = bytes.fromhex(held["certificate"])
            if decode_certificate_untrusted(der).not_after > self._clock.now():
                return der
        key = new_ec_key(self._entropy)
        telematik_id = insurer_telematik_id(insurer)
        name = institution_name(
            cut(insurer.name, _NAME_LIMIT) + " TEST-ONLY", f"{telematik_id} NOT-VALID", PostalAddress()
        )
        holder = EndEntity(name, key.public_key(), build_admission(Role.KOSTENTRAEGER, telematik_id))
        der = self._pki.issue(CertificateType.HCI_ENC, holder)
        held = {**self._held, insurer.ik: {"certificate": der.hex(), "key": write_key(key).hex()}}
        self._store.put_meta(_META, held)
        self._held = held
        return der
