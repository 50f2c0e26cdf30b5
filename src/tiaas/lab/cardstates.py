"""Brings a fresh card into the state that a form asks for. All of it is data of the card's image."""

from tiaas.base.secret import Secret
from tiaas.card.objsys.basefiles import encode_version2
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import MultiReferencePassword, Password, TransportStatus, name_of
from tiaas.card.virtual.defects import Defect
from tiaas.card.virtual.image import CardImage, PasswordState
from tiaas.lab.cardform import DefectForm, Generation, PinCondition, PinForm, StateForm

_EF_VERSION2 = "MF/EF.Version2"
_EF_STATUS = "MF/DF.HCA/EF.StatusVD"
_DF_HCA = "MF/DF.HCA"
_TRANSPORT_DIGITS = 5
# Object systems of other generations; that of G2.1 is the kind's own.
_VERSIONS = {
    Generation.G1: bytes((3, 0, 0)),
    Generation.G2_0: bytes((4, 3, 0)),
    Generation.G3: bytes((5, 0, 0)),
}


def apply_state(image: CardImage, state: StateForm) -> None:
    """Changes `image`, which has its profile of keys already. Raises ValueError for what does not go together."""
    version = _VERSIONS.get(state.generation)
    if version is not None:
        image.files[_EF_VERSION2] = encode_version2(image.kind, version)
    if state.locked:
        image.deactivated.add(_DF_HCA)
    if state.open_transaction:
        image.files[_EF_STATUS] = b"1" + image.files[_EF_STATUS][1:]
    for pin in state.pins:
        set_pin_state(image, pin)
    image.defect = _defect(state.defect)


def set_pin_state(image: CardImage, pin: PinForm) -> None:
    """Brings a PIN into the state of the form. Raises ValueError if the card has no such PIN."""
    objects = object_system(image.kind).objects
    path = next((path for path in image.passwords if name_of(path) == pin.name), None)
    item = None if path is None else objects[path]
    if path is None or not isinstance(item, Password | MultiReferencePassword):
        raise ValueError(f"this card has no {pin.name}")
    password = image.passwords[path]
    password.enabled = pin.state is not PinCondition.DISABLED
    if isinstance(item, MultiReferencePassword):
        return
    password.retry_counter = item.start_retries if pin.tries is None else pin.tries
    password.puk_uses = item.start_puk_uses
    if pin.puk is not None:
        password.puk = Secret(pin.puk.encode())
    _set_secret(password, pin)
    if pin.state in (PinCondition.BLOCKED, PinCondition.PUK_BLOCKED):
        password.retry_counter = 0
    if pin.state is PinCondition.PUK_BLOCKED:
        password.puk_uses = 0


def _set_secret(password: PasswordState, pin: PinForm) -> None:
    if pin.value is not None:
        password.secret = Secret(pin.value.encode())
    if pin.state is PinCondition.EMPTY:
        password.secret, password.transport = None, TransportStatus.LEER_PIN
    elif pin.state is PinCondition.TRANSPORT:
        password.transport = TransportStatus.TRANSPORT_PIN
        if pin.value is None and password.secret is not None:
            # A Transport-PIN is shorter than any real one, so that nobody mistakes it (gemSpec_PINPUK_TI).
            password.secret = Secret(password.secret.reveal()[:_TRANSPORT_DIGITS])
    else:
        password.transport = TransportStatus.REGULAR


def _defect(form: DefectForm | None) -> Defect | None:
    if form is None:
        return None
    return Defect(form.kind, None if form.file is None else f"MF/{form.file}", form.commands)
