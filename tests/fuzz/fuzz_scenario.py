"""Fuzz target: scenario files."""

from tiaas.lab.scenario.document import BadScenario, read_yaml_untrusted
from tiaas.lab.scenario.model import read_scenario_untrusted

SEEDS: list[bytes] = [
    b"title: T\nsetup:\n  - {insert: egk-1, into: CT-1/1}\n  - {update: egk-1, task: lock}\n",
    b"title: T\nsetup:\n  - {typed: CT-1, by: manual}\n  - {revoke: hba-1}\n  - {unplug: CT-1}\n",
    b'title: T\nquarter_in: 60\ntimeline:\n  - at: 1\n    fault: {service: card, code: "6581", match: "a*"}\n',
    b"title: !!binary dGV4dA==\nabout: |\n  x\nsetup: [{press: CT-1, keys: 1 2 ok}, {clear: all}]\n",
    b"title: &a [1, 2.5e3, .nan, 2026-01-01, ~, yes]\nabout: *a\n",
]


def target(data: bytes) -> None:
    """Only `BadScenario` may escape; its line is one of the file."""
    try:
        read_yaml_untrusted(data)
        read_scenario_untrusted(data)
    except BadScenario as bad:
        # YAML breaks lines at U+0085, U+2028 and U+2029, too.
        line = bad.line
    else:
        line = 1
    assert 1 <= line <= len(data) + 1
