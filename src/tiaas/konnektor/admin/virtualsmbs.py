"""Virtual SMC-Bs in HSMs: shown and activated for a Mandant (gemF_Personalisierung_HSM A_23632-01)."""

from datetime import UTC, datetime, time
from http import HTTPStatus

from tiaas.interfaces.management.virtualsmbs import ActivationCode, VirtualSmb, VirtualSmbs
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import Problem, conflict, not_found
from tiaas.konnektor.admin.roles import ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, delete, get, put
from tiaas.konnektor.hsm.activation import ActivationRefused
from tiaas.konnektor.hsm.hsms import SmbView

_ONE = "/virtual-smbs/{iccsn}/activations/{mandant_id}"


async def _list(call: Call) -> VirtualSmbs:
    return VirtualSmbs(tuple(_shown(view) for view in instance_of(call).hsms))


def _shown(view: SmbView) -> VirtualSmb:
    data = None if view.loaded is None else view.loaded.data
    ends = None if data is None else data.certificate_expiration
    return VirtualSmb(
        view.smb.iccsn,
        view.smb.order_number,
        "" if data is None else data.holder_name or "",
        view.ct_id,
        view.slot,
        data is not None,
        None if data is None or ends is None else datetime.combine(ends, time(), UTC),
        view.mandanten,
    )


async def _activate(call: Call) -> None:
    instance, view, mandant_id = instance_of(call), _view(call), call.path["mandant_id"]
    if (mandant_id, view.smb.iccsn) not in instance.model.current.mandant_smbs:
        raise conflict(
            "the virtual SMC-B is not assigned to that Mandant",
            "enter it as managed SM-B (is_hsm) and link it with the Mandant first",
        )
    # Who typed which code is nobody's business in a log, not even as a placeholder for an SM-B.
    call.note("PUT /virtual-smbs activation", {"mandant_id": mandant_id})
    try:
        await instance.hsms.activate(view, mandant_id, call.body(ActivationCode).code)
    except ActivationRefused as error:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            str(error),
            f"wait {error.seconds} seconds, then type the code of the letter again",
            headers={"Retry-After": str(error.seconds)},
        ) from None


async def _deactivate(call: Call) -> None:
    call.note("DELETE /virtual-smbs activation", {"mandant_id": call.path["mandant_id"]})
    await instance_of(call).hsms.deactivate(_view(call), call.path["mandant_id"])


def _view(call: Call) -> SmbView:
    for view in instance_of(call).hsms:
        if view.smb.iccsn == call.path["iccsn"]:
            return view
    raise not_found("virtual SMC-B of that ICCSN")


VIRTUAL_SMB_ROUTES: tuple[Route, ...] = (
    get("/virtual-smbs", ON_SITE, "All virtual SMC-Bs in HSMs", _list, VirtualSmbs),
    put(_ONE, ON_SITE, "Activates a virtual SMC-B for a Mandant", _activate, request=ActivationCode),
    delete(_ONE, ON_SITE, "Ends the activation", _deactivate),
)
