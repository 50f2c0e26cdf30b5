"""The role that professionOIDs stand for (gemSpec_PKI Tab_PKI_254-02)."""

import pytest

from tiaas.pki.admission import build_admission, decode_admission_untrusted
from tiaas.pki.oids import Role
from tiaas.pki.profession import BUSINESS_ROLES, BusinessRole, business_role_of


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ((Role.PS_PSYCHOTHERAPEUT, Role.KUJ_PSYCHOTHERAPEUT), BusinessRole.PSYCHOTHERAPEUT),
        ((Role.ARZT, Role.ZAHNARZT), None),
        ((Role.ARZT, Role.VSDD), None),
        ((Role.VSDD,), None),
        ((Role.KRANKENHAUSAPOTHEKE,), BusinessRole.MITARBEITER_KRANKENHAUS),
    ],
)
def test_roles_in_one_certificate(roles: tuple[Role, ...], expected: BusinessRole | None) -> None:
    first, *others = roles
    admission = decode_admission_untrusted(build_admission(first, None, None, *others).public_bytes())
    assert admission.oids == tuple(role.oid for role in roles)
    assert admission.items == tuple(role.text for role in roles)
    assert business_role_of(admission.oids) is expected


def test_without_any() -> None:
    assert business_role_of(()) is None
    assert business_role_of(["1.2.3"]) is None


def test_each_role_has_somebody() -> None:
    assert set(BUSINESS_ROLES.values()) == set(BusinessRole)
