"""The insured person's data of a patient of the seed, as documents and as files of the eGK."""

from datetime import datetime

from tiaas.fachdienste.vsdm import containers
from tiaas.fachdienste.vsdm.containers import EF_PD_SIZE, EF_VD_SIZE, StatusVd, VdBlocks
from tiaas.interfaces.vsd_gzip import compress
from tiaas.interfaces.vsd_v5_2 import (
    AllgemeineVersicherungsdaten,
    GeschuetzteVersichertendaten,
    Kostentraeger,
    PersoenlicheVersichertendaten,
    Selektivvertraege,
    encode_gvd,
    encode_pd,
    encode_vd,
)
from tiaas.lab.seed import Insurer, Patient, Seed


def personal_data(patient: Patient) -> PersoenlicheVersichertendaten:
    """PD of a patient."""
    return PersoenlicheVersichertendaten(
        versicherten_id=patient.kvnr,
        geburtsdatum=patient.geburtsdatum,
        vorname=patient.vorname,
        nachname=patient.nachname,
        geschlecht=patient.geschlecht,
        vorsatzwort=patient.vorsatzwort,
        namenszusatz=patient.namenszusatz,
        titel=patient.titel,
        postfach_adresse=patient.postfach_adresse,
        strassen_adresse=patient.strassen_adresse,
    )


def insurance_data(patient: Patient, seed: Seed) -> AllgemeineVersicherungsdaten:
    """VD of a patient."""
    billing = patient.abrechnender_kostentraeger
    return AllgemeineVersicherungsdaten(
        beginn=patient.beginn,
        ende=patient.ende,
        kostentraeger=_insurer(seed.insurer(patient.insurer)),
        abrechnender_kostentraeger=None if billing is None else _insurer(seed.insurer(billing)),
        versichertenart=str(patient.versichertenart),
        kostenerstattung=patient.kostenerstattung,
        wop=patient.wop,
    )


def protected_data(patient: Patient) -> GeschuetzteVersichertendaten:
    """GVD of a patient."""
    return GeschuetzteVersichertendaten(
        zuzahlung_befreit=patient.zuzahlung_befreit_bis is not None,
        zuzahlung_gueltig_bis=patient.zuzahlung_befreit_bis,
        besondere_personengruppe=patient.besondere_personengruppe,
        dmp_kennzeichnung=patient.dmp_kennzeichnung,
        selektivvertraege=Selektivvertraege(
            patient.selektivvertrag_aerztlich, patient.selektivvertrag_zahnaerztlich, patient.selektivvertrag_art
        ),
        ruhender_leistungsanspruch=patient.ruhender_leistungsanspruch,
    )


def insured_files(patient: Patient, seed: Seed, now: datetime) -> dict[str, bytes]:
    """Content of the files in DF.HCA by path, a fresh status with them. Raises ValueError as `data_files` does."""
    status = {"MF/DF.HCA/EF.StatusVD": containers.encode_status_vd(StatusVd(False, now))}
    return data_files(patient, seed) | status


def data_files(patient: Patient, seed: Seed) -> dict[str, bytes]:
    """EF.PD, EF.VD and EF.GVD by path. Raises ValueError if the data do not fit into their file.

    As on recorded cards and gematik's test images EF.VD has a copy of the protected data, which nothing of ours reads
    (VSDM-A_2784). EF.PD and EF.VD are filled up to their size: readers such as OpenSC's ask for the whole file.
    """
    protected = compress(encode_gvd(protected_data(patient)))
    blocks = VdBlocks(compress(encode_vd(insurance_data(patient, seed))), protected)
    return {
        "MF/DF.HCA/EF.PD": containers.encode_pd(compress(encode_pd(personal_data(patient)))).ljust(EF_PD_SIZE, b"\0"),
        "MF/DF.HCA/EF.VD": containers.encode_vd(blocks).ljust(EF_VD_SIZE, b"\0"),
        "MF/DF.HCA/EF.GVD": containers.encode_gvd(protected),
    }


def _insurer(insurer: Insurer) -> Kostentraeger:
    return Kostentraeger(insurer.ik, insurer.land, insurer.name)
