"""Update-Pakete for the Konnektor itself, in the management interface (gemSpec_Kon V5.18 TIP1-A_4839-01, 5657-02; by
gemF_Highspeed-Konnektor V1.1.0 5.1.3 the software of a Highspeed-Konnektor comes by upload).

The program of a node is that of all its instances. An administrator of the only one may replace it; where there are
several, whoever runs the node does (base plane).
"""

from collections.abc import Awaitable
from http import HTTPStatus

from tiaas.interfaces.management.updates import NewProgram, ProgramAttempt, ProgramState, ProgramTaken
from tiaas.interfaces.updatepackage import PACKAGE_OCTETS_MAX
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import conflict
from tiaas.konnektor.admin.roles import BASIS_ONLY, INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Call, Route, get, post
from tiaas.konnektor.program.update import CannotUpdate, ProgramUpdates

_BODY_OCTETS = PACKAGE_OCTETS_MAX * 3 // 2
_NOBODY = "the program is not replaced by packages here"


async def program_state(programs: ProgramUpdates) -> ProgramState:
    """What is known of the program."""
    choice = programs.choice
    group = choice.held_group
    return ProgramState(
        version=programs.running,
        group=group.number,
        group_versions=group.versions,
        step=None if programs.step is None else programs.step.value,
        waiting=await programs.offered_version(),
        not_fetched=programs.not_fetched,
        history=tuple(ProgramAttempt(e.at, e.version, e.before, e.code, e.detail) for e in choice.history),
    )


async def _upload(call: Call) -> ProgramTaken:
    return await _taken(call, _of_instance(call))


async def _apply(call: Call) -> ProgramTaken:
    return await _tried(_of_instance(call).apply_offer())


async def _base_state(call: Call) -> ProgramState:
    return await program_state(_of_node(call))


async def _base_upload(call: Call) -> ProgramTaken:
    return await _taken(call, _of_node(call))


async def _taken(call: Call, programs: ProgramUpdates) -> ProgramTaken:
    return await _tried(programs.apply(call.body(NewProgram).package))


async def _tried(applied: Awaitable[str]) -> ProgramTaken:
    try:
        return ProgramTaken(await applied)
    except CannotUpdate as error:
        raise conflict(str(error), error.remedy) from error


def _of_instance(call: Call) -> ProgramUpdates:
    programs: ProgramUpdates | None = call.plane.host.programs
    if programs is None:
        raise conflict(_NOBODY, "replace it with the tools of whoever runs the node")
    if not call.plane.host.is_alone(instance_of(call).name):
        raise conflict(
            "the program serves other instances, too",
            "whoever runs the node uploads the package: POST /program there (admin updates upload FILE --node)",
        )
    return programs


def _of_node(call: Call) -> ProgramUpdates:
    programs: ProgramUpdates | None = call.plane.node.programs
    if programs is None:
        raise conflict(_NOBODY, "replace it with your own tools")
    return programs


PROGRAM_ROUTES: tuple[Route, ...] = (
    post(
        "/updates/package",
        INSTANCE_ROLES,
        "Checks an Update-Paket for the Konnektor and restarts with it",
        _upload,
        request=NewProgram,
        response=ProgramTaken,
        status=HTTPStatus.ACCEPTED,
        body_octets=_BODY_OCTETS,
    ),
    post(
        "/updates/apply",
        INSTANCE_ROLES,
        "The same with the package that came from the KSR",
        _apply,
        response=ProgramTaken,
        status=HTTPStatus.ACCEPTED,
    ),
)

BASE_PROGRAM_ROUTES: tuple[Route, ...] = (
    get("/program", BASIS_ONLY, "The program of the node and its Firmware-Gruppe", _base_state, ProgramState),
    post(
        "/program",
        BASIS_ONLY,
        "Checks an Update-Paket and restarts the node with it",
        _base_upload,
        request=NewProgram,
        response=ProgramTaken,
        status=HTTPStatus.ACCEPTED,
        body_octets=_BODY_OCTETS,
    ),
)
