"""TIP1-A_4082, TUC_PKI_020: our table of the list's structure and the schema of ETSI TS 102 231 agree."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest
from lxml import etree

from tests.fuzz.fuzz_tsl import SEEDS
from tiaas.pki.tsl import TslError
from tiaas.pki.tslschema import check_structure
from tiaas.xmlsec.canonical import XmlElement

SHARED = Path(__file__).parents[4] / "shared"
SCHEMA = SHARED / "gematik-api" / "ext" / "tsl.xsd"
LISTS = SHARED / "vectors" / "gemlibpki-tsl"
MUTANTS = 1500
# Not "%%" and "03": libxml2 takes the one for base64 and compares the other with the fixed "3" as text.
TEXTS = (
    "", " ", "x", "0", "-1", "3", "1.5", "2026-06-01", "2026-06-01T12:00:00", "2026-02-30T12:00:00Z",
    "2026-06-01T24:00:00Z", "http://u", "a b", "MAA=", "MAA", "DE", "DEU",
)  # fmt: skip
ATTRIBUTES = ("TSLTag", "Id", "Critical", "{http://www.w3.org/XML/1998/namespace}lang", "other")

pytestmark = pytest.mark.skipif(not SCHEMA.is_file(), reason="gematik's schemas are not beside the project")


def mutants(seed: XmlElement, random: Random) -> Iterator[XmlElement]:
    """The list with one element lost, doubled, moved, emptied or with another text or attribute."""
    while True:
        root = deepcopy(seed)
        element = random.choice([node for node in root.iter() if isinstance(node.tag, str)])
        parent = element.getparent()
        choice = random.randrange(6)
        if choice == 0 and parent is not None:
            parent.remove(element)
        elif choice == 1 and parent is not None:
            parent.insert(parent.index(element), deepcopy(element))
        elif choice == 2 and parent is not None:
            parent.append(element)
        elif choice == 3:
            element.text = random.choice(TEXTS)
        elif choice == 4 and not str(element.tag).endswith(("ExtensionOID", "ExtensionValue")):
            # What is inside an Extension is anything; we do not look at its attributes.
            element.set(random.choice(ATTRIBUTES), random.choice(TEXTS))
        else:
            for name in list(element.keys()):
                del element.attrib[name]
        yield etree.fromstring(etree.tostring(root))


def is_accepted(root: XmlElement) -> bool:
    try:
        check_structure(root)
    except TslError:
        return False
    return True


def test_mutants_are_judged_alike() -> None:
    schema = etree.XMLSchema(file=str(SCHEMA))
    seed = etree.fromstring(SEEDS[2])
    assert schema.validate(seed)
    random = Random(0)
    judged = {True: 0, False: 0}
    for _, root in zip(range(MUTANTS), mutants(seed, random), strict=False):
        expected = schema.validate(root)
        assert is_accepted(root) is expected, etree.tostring(root)
        judged[expected] += 1
    assert min(judged.values()) > MUTANTS // 10


def test_gematiks_lists_are_judged_alike() -> None:
    schema = etree.XMLSchema(file=str(SCHEMA))
    for path in sorted(LISTS.glob("*.xml")):
        if "Malformed" not in path.name:
            root = etree.parse(path).getroot()
            assert is_accepted(root) is schema.validate(root), path.name
