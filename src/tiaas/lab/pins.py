"""First PINs and PUKs of a card (gemSpec_PINPUK_TI; lengths as in the object systems)."""

from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import Password, TransportStatus, name_of
from tiaas.card.virtual.image import CardImage
from tiaas.lab.seed import Pins

_PIN_DIGITS, _PUK_DIGITS, _CAN_DIGITS, _TRANSPORT_DIGITS = 6, 8, 6, 5


def random_digits(entropy: Entropy, count: int) -> str:
    """`count` decimal digits, each equally likely."""
    digits = ""
    while len(digits) < count:
        octet = entropy.octets(1)[0]
        # 250 to 255 would favour the digits 0 to 5.
        if octet < 250:
            digits += str(octet % 10)
    return digits


def set_pins(image: CardImage, wanted: Pins, entropy: Entropy, *, transport: bool) -> dict[str, Secret]:
    """Gives every password of the card its secret and PUK and returns them by name, with the CAN.

    What is in `wanted` is used, the rest is random. With `transport` passwords that leave the factory in transport
    state stay in it and have a Transport-PIN of five digits; without they are regular. A Leer-PIN stays empty.
    """
    given = {"PIN.CH": wanted.pin, "PIN.SMC": wanted.pin, "PIN.QES": wanted.pin_qes}
    given_puks = {"PIN.CH": wanted.puk, "PIN.SMC": wanted.puk, "PIN.QES": wanted.puk_qes}
    pins: dict[str, Secret] = {}
    for item in object_system(image.kind).objects.values():
        if not isinstance(item, Password):
            continue
        name, state = name_of(item.path), image.passwords[item.path]
        if state.transport is TransportStatus.TRANSPORT_PIN and not transport:
            state.transport = TransportStatus.REGULAR
        if state.transport is not TransportStatus.LEER_PIN:
            in_transport = state.transport is TransportStatus.TRANSPORT_PIN
            random = random_digits(entropy, _TRANSPORT_DIGITS if in_transport else _PIN_DIGITS)
            pins[name] = state.secret = _secret(random if in_transport else given.get(name) or random)
        if item.start_puk_uses > 0:
            puk = given_puks.get(name) or random_digits(entropy, _PUK_DIGITS)
            pins[name.replace("PIN", "PUK", 1)] = state.puk = _secret(puk)
    pins["CAN"] = _secret(wanted.can or random_digits(entropy, _CAN_DIGITS))
    return pins


def _secret(digits: str) -> Secret:
    return Secret(digits.encode("ascii"))
