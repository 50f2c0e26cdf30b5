"""One card in words, for `tiaas card show` and the control port: everything about it but its PINs and keys."""

from typing import Any

from tiaas.card.objsys.basefiles import BadBaseFile, decode_version2_untrusted
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import MultiReferencePassword, Password, PrivateKey, TransportStatus, name_of
from tiaas.card.virtual.image import CardImage, PasswordState
from tiaas.lab.cardform import PinCondition
from tiaas.lab.cards import LabCard
from tiaas.lab.controlview import card_document
from tiaas.lab.lab import Lab
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.cvc import BadCvc, decode_cvc_untrusted

_EF_VERSION2 = "MF/EF.Version2"


def card_details(lab: Lab, card: LabCard) -> dict[str, Any]:
    """The card's document with its state; certificates are those made so far."""
    image = card.card.image
    return {
        **card_document(lab, card),
        "object_system": _object_system(image),
        "keys": image.profile.value,
        "private_keys": _private_keys(image),
        "locked": sorted(path.removeprefix("MF/") for path in image.deactivated),
        "defect": None if image.defect is None else image.defect.to_document(),
        "pins": [_pin(image, path, state) for path, state in image.passwords.items()],
        "certificates": _certificates(lab, card),
        "cv_certificates": _cv_certificates(card.card.image),
        "test_data": True,
    }


def pin_condition(item: Password | MultiReferencePassword, state: PasswordState) -> PinCondition:
    """What GET PIN STATUS would tell, as a form says it (gemSpec_COS V3.12.0, 14.6.4)."""
    if isinstance(item, Password) and state.retry_counter == 0:
        puk_is_used_up = item.start_puk_uses > 0 and state.puk_uses == 0
        return PinCondition.PUK_BLOCKED if puk_is_used_up else PinCondition.BLOCKED
    if not state.enabled:
        return PinCondition.DISABLED
    return {
        TransportStatus.REGULAR: PinCondition.REGULAR,
        TransportStatus.LEER_PIN: PinCondition.EMPTY,
        TransportStatus.TRANSPORT_PIN: PinCondition.TRANSPORT,
    }[state.transport]


def _pin(image: CardImage, path: str, state: PasswordState) -> dict[str, Any]:
    item = object_system(image.kind).objects[path]
    if not isinstance(item, Password | MultiReferencePassword):
        raise TypeError(f"{path} is no password")
    found: dict[str, Any] = {"name": name_of(path), "state": pin_condition(item, state).value}
    if isinstance(item, Password):
        found |= {"tries": state.retry_counter, "puk_uses": state.puk_uses}
    return found


def _private_keys(image: CardImage) -> list[str]:
    """The names of those it has, also of those that are made when they are first needed."""
    objects = object_system(image.kind, image.profile).objects
    return [path.removeprefix("MF/") for path, item in objects.items() if isinstance(item, PrivateKey)]


def _object_system(image: CardImage) -> str | None:
    try:
        return decode_version2_untrusted(image.files.get(_EF_VERSION2, b"")).object_system_text
    except BadBaseFile:
        return None


def _certificates(lab: Lab, card: LabCard) -> list[dict[str, Any]]:
    found = []
    for path, content in card.card.image.files.items():
        if "/EF.C." not in path:
            continue
        try:
            certificate = decode_certificate_untrusted(content)
        except BadCertificate:
            continue
        issued = lab.book.find(certificate.serial_number)
        found.append(
            {
                "file": path.removeprefix("MF/"),
                "serial": f"{certificate.serial_number:X}",
                "until": certificate.not_after.isoformat(),
                "revoked": None if issued is None or issued.revoked is None else issued.revoked.isoformat(),
            }
        )
    return found


def _cv_certificates(image: CardImage) -> list[dict[str, Any]]:
    """The card's own; those of its CAs end with the CAs."""
    found = []
    for path, content in image.files.items():
        if path.startswith("MF/EF.C.") and "_CVC." in path:
            try:
                cvc = decode_cvc_untrusted(content)
            except BadCvc:
                continue
            found.append({"file": path.removeprefix("MF/"), "until": cvc.cxd.isoformat()})
    return found
