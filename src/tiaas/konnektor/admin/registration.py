"""Registration at the VPN-Zugangsdienst in the management interface, profile einbox (gemSpec_Kon V5.18 TIP1-A_4824 to
4827, A_23275)."""

from tiaas.interfaces.management.registration import RegistrationState, RegistrationWish
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import conflict
from tiaas.konnektor.admin.roles import INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Route, get, post, put
from tiaas.konnektor.codes import CODES
from tiaas.konnektor.config import Profile
from tiaas.konnektor.registration.keeper import Registration, RegistrationSettings
from tiaas.konnektor.registration.requests import NotRegistered
from tiaas.pki.certificate import decode_certificate_untrusted

_PATH = "/registration"


async def _read(call: Call) -> RegistrationState:
    return _shown(_registration(call))


async def _configure(call: Call) -> None:
    registration, wish = _registration(call), call.body(RegistrationWish)
    if wish.smb not in instance_of(call).model.current.managed_smbs:
        raise conflict("this is no managed SM-B", "add it to the information model, or take one of those")
    await registration.configure(RegistrationSettings(wish.contract_id, wish.smb))


async def _register(call: Call) -> RegistrationState:
    registration = _registration(call)
    if not registration.settings.contract_id:
        raise conflict("no contract and no SM-B are configured", "PUT /registration says which")
    try:
        await registration.register()
    except NotRegistered as error:
        raise _refused(error) from error
    return _shown(registration)


async def _deregister(call: Call) -> RegistrationState:
    registration = _registration(call)
    try:
        await registration.deregister()
    except NotRegistered as error:
        raise _refused(error) from error
    return _shown(registration)


async def _send(call: Call) -> RegistrationState:
    registration = _registration(call)
    try:
        await registration.send_data()
    except NotRegistered as error:
        raise _refused(error) from error
    return _shown(registration)


def _refused(error: NotRegistered) -> Exception:
    """TIP1-A_4825: the error of the registration service in plain text."""
    # What the service's own codes mean the catalogue of a Konnektor's errors does not say.
    own = error.code if error.code in CODES else None
    return conflict(error.text if error.code is None else f"{error.code} {error.text}", error.remedy, code=own)


def _registration(call: Call) -> Registration:
    instance = instance_of(call)
    if instance.registration is None:
        if instance.config.profile is not Profile.EINBOX:
            raise conflict(
                "a Highspeed-Konnektor does not register at a VPN-Zugangsdienst", "this is for the profile einbox"
            )
        raise conflict("the box has nobody to register at", "set box.registration_url in its configuration")
    return instance.registration


def _shown(registration: Registration) -> RegistrationState:
    held, wish = registration.registered, registration.settings
    return RegistrationState(
        server_url=registration.client.url,
        contract_id=wish.contract_id,
        smb=wish.smb,
        access_granted=held is not None,
        registered_at=None if held is None else held.at,
        registered_contract_id="" if held is None else held.contract_id,
        registered_smb="" if held is None else held.smb,
        registered_serial="" if held is None else str(decode_certificate_untrusted(held.certificate).serial_number),
        contract_status="" if held is None else held.contract.value,
        information="" if held is None else held.information,
        data_sent=None if held is None else held.sent,
        send_failure=registration.send_failure,
    )


REGISTRATION_ROUTES: tuple[Route, ...] = (
    get(_PATH, INSTANCE_ROLES, "How a box is registered at its VPN-Zugangsdienst", _read, RegistrationState),
    put(_PATH, INSTANCE_ROLES, "With which contract and SM-B it registers", _configure, request=RegistrationWish),
    post(f"{_PATH}/register", INSTANCE_ROLES, "Registers the box", _register, response=RegistrationState),
    post(f"{_PATH}/deregister", INSTANCE_ROLES, "Deregisters the box", _deregister, response=RegistrationState),
    post(
        f"{_PATH}/operating-data",
        INSTANCE_ROLES,
        "Sends operating data now",
        _send,
        response=RegistrationState,
        changes=False,
    ),
)
