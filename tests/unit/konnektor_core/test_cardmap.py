"""The Konnektor's map of cards agrees with the object systems, which come from other documents than the map."""

import pytest

from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import (
    CardKind,
    Folder,
    MultiReferencePassword,
    ObjectSystem,
    Password,
    PrivateKey,
    RecordFile,
    TransparentFile,
)
from tiaas.konnektor import cardmap
from tiaas.konnektor.cardmap import CardFile
from tiaas.konnektor.cardtypes import CardType

SYSTEMS = {
    CardType.EGK: object_system(CardKind.EGK),
    CardType.HBA: object_system(CardKind.HBA),
    CardType.HBA_QSIG: object_system(CardKind.HBA_QSIG),
    CardType.SMC_B: object_system(CardKind.SMC_B),
    CardType.SMC_KT: object_system(CardKind.SMC_KT),
}
FOLDER_NAMES = {
    cardmap.Folder.MF: "MF",
    cardmap.Folder.HCA: "MF/DF.HCA",
    cardmap.Folder.QES: "MF/DF.QES",
    cardmap.Folder.ESIGN: "MF/DF.ESIGN",
    **{
        folder: f"MF/DF.HCA/DF.{folder.name}"
        for folder in cardmap.Folder
        if folder.name in ("NFD", "DPE", "GDD", "OSE", "AMTS")
    },
}
SYSTEMS |= {CardType.HSM_B: SYSTEMS[CardType.SMC_B]}
OWN = {
    CardType.EGK: "CH",
    CardType.HBA: "HP",
    CardType.HBA_QSIG: "HP",
    CardType.SMC_B: "HCI",
    CardType.HSM_B: "HCI",
}


def object_name(card_type: CardType, reference: str, crypt: str) -> str:
    """`HP.QES.E256`; the objects of an HBA-Vorläuferkarte are without the last part (TAB_KON_858, 900)."""
    usage = "OSIG" if reference == "C.SIG" else reference[2:]
    suffix = "" if card_type is CardType.HBA_QSIG else ".E256" if crypt == "ECC" else ".R2048"
    return f"{OWN[card_type]}.{usage}{suffix}"


def name_at(system: ObjectSystem, file: CardFile) -> str:
    folder = FOLDER_NAMES[file.folder]
    found = [
        item.path
        for item in system.objects.values()
        if isinstance(item, TransparentFile | RecordFile)
        and item.sfid == file.sfid
        and item.path.rpartition("/")[0] == folder
    ]
    assert len(found) == 1
    return found[0].rpartition("/")[2]


@pytest.mark.parametrize("card_type", list(cardmap.TYPE_BY_MF_AID.values()))
def test_root_folder_and_common_files(card_type: CardType) -> None:
    system = SYSTEMS[card_type]
    assert cardmap.TYPE_BY_MF_AID[system.root.aid] is card_type
    assert name_at(system, cardmap.EF_GDO) == "EF.GDO"
    assert name_at(system, cardmap.EF_VERSION2) == "EF.Version2"


@pytest.mark.parametrize("folder", [folder for folder in cardmap.Folder if folder is not cardmap.Folder.MF])
def test_folders(folder: cardmap.Folder) -> None:
    found = [system.objects.get(FOLDER_NAMES[folder]) for system in SYSTEMS.values()]
    aids = {item.aid for item in found if isinstance(item, Folder)}
    assert aids == {folder.value}


def test_insured_data() -> None:
    egk = SYSTEMS[CardType.EGK]
    for file, name in (
        (cardmap.EF_PD, "EF.PD"),
        (cardmap.EF_VD, "EF.VD"),
        (cardmap.EF_GVD, "EF.GVD"),
        (cardmap.EF_LOGGING, "EF.Logging"),
        (cardmap.EF_STATUS_VD, "EF.StatusVD"),
        (cardmap.EF_RECEIPT, "EF.Pruefungsnachweis"),
    ):
        assert name_at(egk, file) == name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (cardmap.EF_NFD, "EF.NFD"),
        (cardmap.EF_STATUS_NFD, "EF.StatusNFD"),
        (cardmap.EF_DPE, "EF.DPE"),
        (cardmap.EF_STATUS_DPE, "EF.StatusDPE"),
        (cardmap.EF_CONSENTS_GDD, "EF.EinwilligungGDD"),
        (cardmap.EF_REFERENCES_GDD, "EF.VerweiseGDD"),
        (cardmap.EF_OSE, "EF.OSE"),
        (cardmap.EF_STATUS_OSE, "EF.StatusOSE"),
        (cardmap.EF_AMTS, "EF.AMTS"),
        (cardmap.EF_REFERENCES_AMTS, "EF.VerweiseAMTS"),
        (cardmap.EF_STATUS_AMTS, "EF.StatusAMTS"),
        (cardmap.EF_LOGGING, "EF.Logging"),
        (cardmap.EF_RECEIPT, "EF.Pruefungsnachweis"),
    ],
)
def test_files_of_the_applications(file: CardFile, name: str) -> None:
    egk = SYSTEMS[CardType.EGK]
    assert name_at(egk, file) == name
    found = egk.objects[f"{FOLDER_NAMES[file.folder]}/{name}"]
    assert isinstance(found, TransparentFile | RecordFile)
    assert found.fid == file.fid


@pytest.mark.parametrize(
    ("card_type", "role", "ca"),
    [
        (CardType.EGK, "eGK.AUT_CVC.E256", "EF.C.CA_eGK.CS.E256"),
        (CardType.HBA, "HPC.AUTR_CVC.E256", "EF.C.CA_HPC.CS.E256"),
        (CardType.SMC_B, "SMC.AUTR_CVC.E256", "EF.C.CA_SMC.CS.E256"),
    ],
)
def test_role_certificates_and_keys(card_type: CardType, role: str, ca: str) -> None:
    system = SYSTEMS[card_type]
    assert name_at(system, cardmap.EF_CVC_ROLE) == f"EF.C.{role}"
    assert name_at(system, cardmap.EF_CVC_CA) == ca
    key = system.objects[f"MF/PrK.{role}"]
    assert isinstance(key, PrivateKey)
    assert key.id == cardmap.ROLE_KEY[card_type]


@pytest.mark.parametrize("card_type", list(cardmap.CERTIFICATES))
def test_certificates(card_type: CardType) -> None:
    for (reference, crypt), file in cardmap.CERTIFICATES[card_type].items():
        assert name_at(SYSTEMS[card_type], file) == f"EF.C.{object_name(card_type, reference, crypt)}"


@pytest.mark.requirement("TIP1-A_5439")
@pytest.mark.parametrize("card_type", list(cardmap.KEYS))
def test_private_keys(card_type: CardType) -> None:
    for (reference, crypt), key in cardmap.KEYS[card_type].items():
        name = object_name(card_type, reference, crypt)
        found = SYSTEMS[card_type].objects[f"{FOLDER_NAMES[key.folder]}/PrK.{name}"]
        assert isinstance(found, PrivateKey)
        assert key.ref == 0x80 | found.id
        assert key.pin in cardmap.PINS[card_type]


@pytest.mark.parametrize("card_type", list(cardmap.PINS))
def test_pins(card_type: CardType) -> None:
    for pin, where in cardmap.PINS[card_type].items():
        found = SYSTEMS[card_type].objects[f"{FOLDER_NAMES[where.folder]}/{pin}"]
        assert isinstance(found, Password | MultiReferencePassword)
        assert where.ref == (found.id if where.folder is cardmap.Folder.MF else 0x80 | found.id)
