"""`tiaas up --hsm`: each demo practice gets a virtual SMC-B (HSM-B) beside its SMC-B, in an HSM of its own.

The HSM is a SoftHSM2 token in the lab's folder, or for machines without SoftHSM2 a folder with keys in files. What was
made stays, with its activation code, until the folder goes.
"""

import os
from dataclasses import replace
from pathlib import Path

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.cli.upchoices import HsmKind
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.infomodel import InfoModelDocument, ManagedSmbDocument, ModelTerminal
from tiaas.interfaces.management.virtualsmbs import ActivationCode, VirtualSmbs
from tiaas.konnektor.hsm.settings import HsmSettings, VirtualSmb
from tiaas.lab.hsm import CONFIGURATION, VirtualSmbContent, make_soft_hsm, personalise_smb, write_folder, write_token
from tiaas.lab.lab import Lab
from tiaas.lab.ready import VirtualSmbEntry

_FOLDER = "hsm"
_TOKENS = "tokens"


@dataclass(frozen=True, slots=True, repr=False)
class PracticeHsm:
    """The HSM of a practice, its one virtual SMC-B with the activation code."""

    settings: HsmSettings
    iccsn: str
    code: Secret

    @property
    def entry(self) -> VirtualSmbEntry:
        """For the ready file."""
        return VirtualSmbEntry(self.iccsn, self.settings.ct_id, self.code)


async def practice_hsm(lab: Lab, number: int, kind: HsmKind, entropy: Entropy) -> PracticeHsm:
    """The HSM of a practice, made if it is not there. Raises `LabError`, `TokenError`."""
    key = f"hsm/{kind.value}/{number}"
    known = lab.store.meta(key)
    content = None if known else await personalise_smb(lab.personaliser, lab.institution_of(number), entropy)
    iccsn = content.iccsn if content else str(known["iccsn"])
    code = content.code if content else Secret(str(known["code"]).encode())
    base = lab.store.folder / _FOLDER
    base.mkdir(mode=0o700, exist_ok=True)
    smbs = (VirtualSmb(iccsn, f"TEST-ONLY-{number}"),)
    ct_id = f"HSM-{number}"
    if kind is HsmKind.FOLDER:
        folder = base / f"practice-{number}"
        if content is not None:
            await beside(0, write_folder, content, folder)
        settings = HsmSettings(ct_id, smbs, folder=folder)
    else:
        settings = await _soft_hsm(base / _TOKENS, ct_id, smbs, content, entropy)
    if content is not None:
        lab.store.put_meta(key, {"iccsn": iccsn, "code": code.reveal().decode()})
    return PracticeHsm(settings, iccsn, code)


async def _soft_hsm(
    folder: Path, label: str, smbs: tuple[VirtualSmb, ...], content: VirtualSmbContent | None, entropy: Entropy
) -> HsmSettings:
    hsm = await make_soft_hsm(folder, label, entropy)
    os.environ[CONFIGURATION] = str(hsm.configuration)
    if content is not None:
        token = hsm.token(writable=True)
        try:
            await token.open()
            await write_token(content, token)
        finally:
            await token.close()
    return HsmSettings(label, smbs, hsm.module, label, hsm.pin_file)


def with_hsm(model: InfoModelDocument, mandant: str, hsm: PracticeHsm) -> InfoModelDocument:
    """The model of a practice with its virtual SMC-B: assigned to the Mandant, its terminal a remote one everywhere."""
    ct_id = hsm.settings.ct_id
    return replace(
        model,
        terminals=(*model.terminals, ModelTerminal(ct_id, (1,))),
        managed_smbs=(*model.managed_smbs, ManagedSmbDocument(hsm.iccsn, is_hsm=True)),
        mandant_terminals=(*model.mandant_terminals, (mandant, ct_id)),
        remote_terminals=(*model.remote_terminals, *((workplace, ct_id) for workplace in model.workplaces)),
        mandant_smbs=(*model.mandant_smbs, (mandant, hsm.iccsn)),
    )


async def activate(admin: Admin, mandant: str, hsm: PracticeHsm) -> None:
    """Activates the virtual SMC-B for the Mandant, unless it is already."""
    shown = await admin.read("/virtual-smbs", VirtualSmbs)
    if any(smb.iccsn == hsm.iccsn and mandant in smb.mandanten for smb in shown.virtual_smbs):
        return
    path = path_of("/virtual-smbs/{}/activations/{}", hsm.iccsn, mandant)
    await admin.change("PUT", path, ActivationCode(hsm.code))
