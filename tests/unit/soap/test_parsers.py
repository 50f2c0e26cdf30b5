"""Names of documents are forgotten: hostile ones, of ever new names, do not fill the memory, whoever reads them."""

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from lxml import etree

from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, parse_document_untrusted, parse_thin_untrusted, parse_untrusted
from tiaas.soap.parsers import REMEMBERED, fromstring

NUMBERS = count()
SHORT, LONG = 1_000, 40_000
LIMITS = Limits(nodes=2 * LONG)
NAMES_MAX = REMEMBERED // len("<1/>")
"""As many names as the octets can hold that a thread remembers, and more."""
NODES = {
    "elements": "<{0}/>",
    "attributes": '<a {0}=""/>',
    "prefixes": '<a xmlns:{0}="urn:a"/>',
    "namespaces": '<a xmlns="{0}"/>',
    "instructions": "<?{0}?><a/>",
}


def octets(nodes: int, node: str = "<{0}/>") -> bytes:
    """A document of names that no other has."""
    number = next(NUMBERS)
    return f"<r>{''.join(node.format(f'n{number}-{place}') for place in range(nodes))}</r>".encode()


def names() -> int:
    """How many names the calling thread's dictionary has."""
    return int(etree.memory_debugger.dict_size())  # type: ignore[attr-defined]


def message(document: bytes) -> None:
    parse_untrusted(document, LIMITS)


def plain_document(document: bytes) -> None:
    parse_document_untrusted(document, LIMITS)


def thin_document(document: bytes) -> None:
    parse_thin_untrusted(document, LIMITS)


def refused(document: bytes) -> None:
    with pytest.raises(BadEnvelope):
        parse_untrusted(document[:-1], LIMITS)


def part(document: bytes) -> None:
    fromstring(document.decode())


READERS = (message, plain_document, thin_document, refused, part)


@pytest.mark.parametrize("nodes", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("read", READERS)
def test_a_thread_remembers_few_names_of_documents(read: Callable[[bytes], None], nodes: int) -> None:
    def most() -> int:
        return max(after() for _ in range(4 * NAMES_MAX // nodes))

    def after() -> int:
        read(octets(nodes))
        return names()

    assert most() <= NAMES_MAX
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(most).result() <= NAMES_MAX


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_names_of_all_kinds_are_forgotten(node: str) -> None:
    for _ in range(4 * NAMES_MAX // SHORT):
        parse_document_untrusted(octets(SHORT, node), LIMITS)
    assert names() <= NAMES_MAX


def test_short_documents_are_read_with_the_same_names() -> None:
    parse_untrusted(octets(LONG), LIMITS)
    parse_untrusted(b"<a/>", LIMITS)
    few = names()
    parse_untrusted(b"<a><b/></a>", LIMITS)
    parse_document_untrusted(b"<a><b/></a>", LIMITS)
    assert names() == few + 1


def test_a_search_that_was_made_before_does_not_bring_its_names_back() -> None:
    search = etree.XPath("boolean(/r/*)")
    for _ in range(4 * NAMES_MAX // LONG):
        root = parse_untrusted(octets(LONG), LIMITS)
        assert search(root)
    assert names() <= NAMES_MAX


def trees() -> Iterator[etree._Element]:
    """Trees of which each was read with a dictionary of its own."""
    for number in range(5):
        yield parse_document_untrusted(
            f'<r{number} xmlns:p="urn:p{number}"><p:a b="1"/> {number}</r{number}>'.encode(), LIMITS
        )
        parse_document_untrusted(octets(LONG), LIMITS)


def test_trees_outlive_the_dictionary_and_mix() -> None:
    whole = fromstring("<all/>")
    for root in trees():
        whole.append(root)
    del root
    gc.collect()
    parse_document_untrusted(octets(LONG), LIMITS)
    assert etree.tostring(whole, encoding="unicode") == "<all>{}</all>".format(
        "".join(f'<r{number} xmlns:p="urn:p{number}"><p:a b="1"/> {number}</r{number}>' for number in range(5))
    )
    assert [element.tag for element in whole.iter("{urn:p3}*")] == ["{urn:p3}a"]


MEASURE = """
import gc
from concurrent.futures import ThreadPoolExecutor
from tiaas.soap.markup import Limits, parse_document_untrusted

def read(numbers):
    for number in numbers:
        names = "".join(f"<n{number}-{place}/>" for place in range(29_000))
        parse_document_untrusted(f"<r>{names}</r>".encode(), Limits())
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

def growth(run):
    before = run(range(10))
    return run(range(10, 90)) - before

with ThreadPoolExecutor(1) as thread:
    print(growth(read), growth(lambda numbers: thread.submit(read, numbers).result()))
"""


def test_the_memory_of_a_process_does_not_grow() -> None:
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    # In pages. The names of 80 such documents are 75 MiB and more.
    assert all(int(pages) * 4096 < 30 * 1024 * 1024 for pages in run.stdout.split()), run.stdout


OTHER_THREAD = """
from concurrent.futures import ThreadPoolExecutor
from lxml import etree
from tiaas.soap.markup import Limits, parse_untrusted

def seen():
    etree.XPath("boolean(/*)")
    return etree.memory_debugger.dict_size()

names = "".join(f"<n{number}/>" for number in range(1000))
parse_untrusted(f"<r>{names}</r>".encode(), Limits())
with ThreadPoolExecutor(1) as thread:
    print(thread.submit(seen).result())
"""


def test_other_threads_do_not_look_for_names_in_the_main_thread_s() -> None:
    run = subprocess.run([sys.executable, "-c", OTHER_THREAD], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 1000
