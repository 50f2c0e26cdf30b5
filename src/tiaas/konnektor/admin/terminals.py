"""Card terminals in the management interface (gemSpec_Kon V5.18 §4.1.4.6); the work is `terminaladmin`'s."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from tiaas.interfaces.management import terminals as doc
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import not_found, of_code
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, delete, get, patch, post, put
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.terminaladmin import TerminalAdmin
from tiaas.konnektor.terminalfirmware import NO_PACKAGE, FirmwarePackage
from tiaas.konnektor.terminalinteraction import Mode
from tiaas.konnektor.terminallist import AdminAccount, Correlation
from tiaas.konnektor.terminalsettings import TerminalSettings
from tiaas.konnektor.terminalversions import SUPPORTED_VERSIONS
from tiaas.konnektor.terminalview import TerminalView
from tiaas.konnektor.updates import Updates

_ALL, _ONE = "/terminals", "/terminals/{ct_id}"
_SHELF = "/terminal-firmware"
_FIRMWARE_BODY = doc.FIRMWARE_OCTETS * 4 // 3 + 4096

_INCONSISTENT = 4037


def terminal_routes() -> tuple[Route, ...]:
    """The rows. Whoever pairs stands at the terminal, so that is for administrators on site."""
    return (*_list_routes(), *_pairing_routes(), *_firmware_routes())


def _list_routes() -> tuple[Route, ...]:
    settings, created = "/terminal-settings", HTTPStatus.CREATED
    step = doc.CorrelationChange
    return (
        get(settings, INSTANCE_ROLES, "CTM settings", _settings, doc.TerminalSettingsData),
        put(settings, INSTANCE_ROLES, "Changes the CTM settings", _put_settings, request=doc.TerminalSettingsData),
        get(_ALL, INSTANCE_ROLES, "All card terminals", _list, doc.TerminalList),
        post(
            _ALL, INSTANCE_ROLES, "Adds one", _add, request=doc.NewTerminal, response=doc.TerminalData, status=created
        ),
        post(
            f"{_ALL}/discovery",
            INSTANCE_ROLES,
            "Asks for terminals; who answers is in the list afterwards",
            _discover,
            request=doc.TerminalSearch,
            response=doc.FoundTerminalList,
        ),
        get(_ONE, INSTANCE_ROLES, "One card terminal", _one, doc.TerminalData),
        patch(
            _ONE,
            INSTANCE_ROLES,
            "Changes address or name",
            _edit,
            request=doc.TerminalChange,
            response=doc.TerminalData,
        ),
        delete(_ONE, INSTANCE_ROLES, "Removes one with its pairing", _remove),
        put(f"{_ONE}/correlation", ON_SITE, "CT.CORRELATION by hand", _step, request=step, response=doc.TerminalData),
        post(f"{_ONE}/connection", INSTANCE_ROLES, "Dials it", _connect, response=doc.TerminalData, changes=False),
        post(
            f"{_ONE}/message", INSTANCE_ROLES, "Shows a message", _message, request=doc.TerminalMessage, changes=False
        ),
        post(f"{_ONE}/product", INSTANCE_ROLES, "Reads its product data", _refresh, response=doc.TerminalData),
    )


def _pairing_routes() -> tuple[Route, ...]:
    pairing, account = f"{_ONE}/pairing", f"{_ONE}/account"
    offer, confirmation = doc.PairingOfferData, doc.PairingConfirmation
    return (
        post(f"{pairing}/offer", ON_SITE, "Tells the fingerprint to compare", _offer, response=offer, changes=False),
        post(
            pairing,
            ON_SITE,
            "Pairs; waits for OK at the terminal",
            _pair,
            request=confirmation,
            response=doc.TerminalData,
        ),
        post(f"{pairing}/verification", INSTANCE_ROLES, "Asks whether it knows the secret", _verify, changes=False),
        post(f"{pairing}/maintenance", INSTANCE_ROLES, "Wartungs-Pairing", _maintain, response=doc.TerminalData),
        put(
            account,
            INSTANCE_ROLES,
            "Sets the terminal's administrator account",
            _put_account,
            request=doc.TerminalAccount,
        ),
        delete(account, INSTANCE_ROLES, "Forgets that account", _forget_account),
        post(f"{account}/check", INSTANCE_ROLES, "Tries that account; cards lose their power", _check, changes=False),
    )


def _firmware_routes() -> tuple[Route, ...]:
    return (
        get(_SHELF, INSTANCE_ROLES, "Firmware on the shelf", _firmware, doc.FirmwareList),
        post(
            _SHELF,
            INSTANCE_ROLES,
            "Puts firmware on the shelf",
            _put_firmware,
            request=doc.NewFirmware,
            status=HTTPStatus.CREATED,
            response=doc.FirmwareEntry,
            body_octets=_FIRMWARE_BODY,
        ),
        delete(f"{_SHELF}/{{manufacturer}}/{{model}}/{{version}}", INSTANCE_ROLES, "Takes it off", _drop_firmware),
        post(
            f"{_ONE}/firmware",
            INSTANCE_ROLES,
            "Updates the terminal",
            _update,
            request=doc.FirmwareUpdate,
            response=doc.TerminalData,
        ),
    )


def _admin(call: Call) -> TerminalAdmin:
    return instance_of(call).terminal_admin


def _id(call: Call) -> str:
    ct_id = call.path["ct_id"]
    if ct_id not in {view.ct_id for view in _admin(call).list()}:
        raise not_found("such card terminal")
    return ct_id


def _data(view: TerminalView) -> doc.TerminalData:
    product, display = view.product, view.display
    return doc.TerminalData(
        ct_id=view.ct_id,
        name=view.name,
        mac=view.mac,
        host=view.host,
        port=view.port,
        slots=view.slots,
        slots_used=view.slots_used,
        product=None
        if product is None
        else doc.TerminalProductData(
            product.manufacturer,
            product.model,
            product.interface_version,
            product.product_type_version,
            product.firmware_version,
            product.hardware_version,
            product.firmware_group,
        ),
        valid_version=view.valid_version,
        display=None if display is None else doc.TerminalDisplay(display.columns, display.lines),
        paired_with=view.paired_with,
        certificate_expires=view.certificate_expires,
        correlation=doc.TerminalCorrelation(view.correlation.value),
        connected=view.connected,
        active_role=None if view.active_role is None else view.active_role.value,
        admin_user=view.admin_user,
        error=view.error,
        busy=view.busy,
    )


async def _settings(call: Call) -> doc.TerminalSettingsData:
    held = _admin(call).finder.settings.to_document()
    return doc.TerminalSettingsData(
        **{**held, "addresses": tuple(held["addresses"]), "discovery_timeout": round(held["discovery_timeout"]) or 1}
    )


async def _put_settings(call: Call) -> None:
    wanted = call.body(doc.TerminalSettingsData)
    fields = {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
    await _admin(call).finder.put_settings(TerminalSettings(**fields))


async def _list(call: Call) -> doc.TerminalList:
    return doc.TerminalList(tuple(_data(view) for view in _admin(call).list()), SUPPORTED_VERSIONS)


async def _one(call: Call) -> doc.TerminalData:
    return _data(_admin(call).view(_id(call)))


async def _discover(call: Call) -> doc.FoundTerminalList:
    wanted = call.body(doc.TerminalSearch)
    found = await _admin(call).finder.discover(wanted.addresses, broadcast=wanted.broadcast)
    return doc.FoundTerminalList(
        tuple(doc.FoundTerminalData(each.name, each.mac.hex(":").upper(), each.host, each.port) for each in found)
    )


async def _add(call: Call) -> doc.TerminalData:
    new = call.body(doc.NewTerminal)
    mac = None if new.mac is None else bytes.fromhex(new.mac.replace(":", ""))
    view = await _admin(call).add(new.host, port=new.port, mac=mac, name=new.name, ask=new.ask, ct_id=new.ct_id)
    return _data(view)


async def _edit(call: Call) -> doc.TerminalData:
    wanted = call.body(doc.TerminalChange)
    view = await _admin(call).edit(_id(call), host=wanted.host, port=wanted.port, name=wanted.name, ask=wanted.ask)
    return _data(view)


async def _remove(call: Call) -> None:
    await _admin(call).remove(_id(call))


async def _step(call: Call) -> doc.TerminalData:
    wanted = Correlation(call.body(doc.CorrelationChange).correlation.value)
    return _data(await _admin(call).set_correlation(_id(call), wanted))


async def _connect(call: Call) -> doc.TerminalData:
    return _data(await _admin(call).connect(_id(call)))


async def _refresh(call: Call) -> doc.TerminalData:
    return _data(await _admin(call).refresh(_id(call)))


async def _message(call: Call) -> None:
    wanted = call.body(doc.TerminalMessage)
    mode = Mode(wanted.mode.value)
    await _admin(call).interaction.interact(_id(call), mode, wanted.text, wanted.seconds)


_BEFORE_PAIRING = {
    Correlation.BEKANNT: "assign it first",
    Correlation.AKTIV: "remove the pairing first: deactivate it, then unpair it",
    Correlation.AKTUALISIEREND: "wait until its update has ended",
}


@contextmanager
def _pairing(call: Call) -> Iterator[None]:
    """Says what has to be done to a terminal in whose state no pairing begins (4037)."""
    try:
        yield
    except KonnektorError as error:
        ct_id = call.path["ct_id"]
        found = next((view.correlation for view in _admin(call).list() if view.ct_id == ct_id), None)
        if error.code != _INCONSISTENT or found not in _BEFORE_PAIRING:
            raise
        already = " already" if found is Correlation.AKTIV else ""
        raise of_code(error, f"{ct_id} is {found.value}{already}", _BEFORE_PAIRING[found]) from error


async def _offer(call: Call) -> doc.PairingOfferData:
    with _pairing(call):
        offer = await _admin(call).offer_pairing(_id(call))
    return doc.PairingOfferData(offer.fingerprint, offer.done)


async def _pair(call: Call) -> doc.TerminalData:
    with _pairing(call):
        view = await _admin(call).confirm_pairing(_id(call), call.body(doc.PairingConfirmation).fingerprint)
    return _data(view)


async def _verify(call: Call) -> None:
    await _admin(call).verify_pairing(_id(call))


async def _maintain(call: Call) -> doc.TerminalData:
    return _data(await _admin(call).maintain_pairing(_id(call)))


async def _put_account(call: Call) -> None:
    wanted = call.body(doc.TerminalAccount)
    await _admin(call).set_account(_id(call), AdminAccount(wanted.user, wanted.password))


async def _forget_account(call: Call) -> None:
    await _admin(call).set_account(_id(call), None)


async def _check(call: Call) -> None:
    await _admin(call).check_account(_id(call))


async def _firmware(call: Call) -> doc.FirmwareList:
    return doc.FirmwareList(tuple(_entry(package) for package in _admin(call).firmware.packages))


async def _put_firmware(call: Call) -> doc.FirmwareEntry:
    new = call.body(doc.NewFirmware)
    package = FirmwarePackage(new.manufacturer, new.model, new.version, new.image)
    await _admin(call).firmware.put(package)
    return _entry(package)


async def _drop_firmware(call: Call) -> None:
    await _admin(call).firmware.remove("/".join(call.path[name] for name in ("manufacturer", "model", "version")))


async def _update(call: Call) -> doc.TerminalData:
    try:
        return _data(await _admin(call).update_firmware(_id(call), call.body(doc.FirmwareUpdate).version))
    except KonnektorError as error:
        if error.detail != NO_PACKAGE:
            raise
        raise of_code(error, *before_update(instance_of(call).updates)) from error


def before_update(updates: Updates) -> tuple[str, str]:
    """What is known of packages for a terminal that has none, and what to do."""
    by_hand = "bring the manufacturer's file (tiaas admin terminal firmware, POST /terminal-firmware), then repeat"
    if not updates.has_ksr:
        return "there is no KSR to ask", by_hand
    asked, when = updates.asked, "has not been asked yet"
    if asked is not None:
        at = asked.at.isoformat(timespec="seconds")
        when = f"told of none at {at}" if asked.code is None else f"could not be asked at {at} ({asked.code})"
    return f"the KSR {when}", f"ask the KSR now (tiaas admin updates check) or {by_hand}"


def _entry(package: FirmwarePackage) -> doc.FirmwareEntry:
    return doc.FirmwareEntry(package.manufacturer, package.model, package.version, len(package.image))
