"""Parameters of an instance, shown and set (gemSpec_Kon V5.18 TIP1-A_5005, TIP1-A_4821-02; VSDM-A_2776).

The secret that keys of VSDM receipts come from is only ever written: what is shown of it is who gave the one in use.
"""

from dataclasses import replace

from tiaas.base.secret import Secret
from tiaas.interfaces.management.parameters import ParameterInForce, Parameters, ParametersInForce, ReceiptSecret
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.audit import online_changed, sak_changed, standalone_changed
from tiaas.konnektor.admin.parameters import applied, in_force, load_parameters, save_parameters, value_text
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, delete, get, put
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.vsdmreceipt import keep_receipt_secret, load_receipt_secret

_SECRET = "/parameters/receipt-secret"
_NONE, _CONFIGURATION = "none", "configuration"


async def _parameters(call: Call) -> Parameters:
    return await load_parameters(instance_of(call).context.store)


async def _parameters_in_force(call: Call) -> ParametersInForce:
    instance = instance_of(call)
    given = await load_parameters(instance.context.store)
    values = in_force(instance.config) | {"online": instance.context.online_mode.active}
    configured = in_force(instance.given)
    shown = [
        ParameterInForce(name, value_text(value), getattr(given, name) is not None, value_text(configured[name]))
        for name, value in values.items()
    ]
    return ParametersInForce((*shown, await _secret_in_force(instance)))


async def _secret_in_force(instance: Instance) -> ParameterInForce:
    in_use, configured = instance.config.ti.receipt_secret, instance.given.ti.receipt_secret
    stored = await load_receipt_secret(instance.context.store)
    giver = "administrator"
    if in_use is None:
        giver = _NONE
    elif in_use == configured != stored:
        giver = _CONFIGURATION
    return ParameterInForce(
        "receipt_secret", giver, stored is not None, _NONE if configured is None else _CONFIGURATION
    )


async def _put_parameters(call: Call) -> None:
    instance, wish = instance_of(call), call.body(Parameters)
    store, hub = instance.context.store, instance.context.hub
    before = applied(await load_parameters(store), instance.given).ti
    wanted = applied(wish, instance.given)
    after = wanted.ti
    if wish.name_servers is not None:
        # As they are shown when they count.
        wish = replace(wish, name_servers=tuple(map(str, after.dns)))
    await save_parameters(store, wish)
    await instance.set_signature(wanted.signature)
    await instance.set_online(after.online)
    if after.online is not before.online:
        online_changed(hub, active=after.online)
    if after.sak is not before.sak:
        sak_changed(hub, active=after.sak)
    if after.standalone is not before.standalone:
        standalone_changed(hub, active=after.standalone)


async def _put_secret(call: Call) -> None:
    await keep_receipt_secret(instance_of(call).context.store, Secret(call.body(ReceiptSecret).secret))


async def _delete_secret(call: Call) -> None:
    await keep_receipt_secret(instance_of(call).context.store, None)


PARAMETER_ROUTES: tuple[Route, ...] = (
    get("/parameters", INSTANCE_ROLES, "The parameters that were set", _parameters, Parameters),
    get(
        "/parameters/in-force",
        INSTANCE_ROLES,
        "All parameters with the values that count now",
        _parameters_in_force,
        ParametersInForce,
    ),
    put(
        "/parameters",
        ON_SITE,
        "Sets all parameters; they count from the next start on",
        _put_parameters,
        request=Parameters,
    ),
    put(
        _SECRET,
        ON_SITE,
        "Sets what keys of VSDM receipts come from; it counts from the next start on and is never shown",
        _put_secret,
        request=ReceiptSecret,
    ),
    delete(_SECRET, ON_SITE, "Back to the secret of the configuration, from the next start on", _delete_secret),
)
