"""The process that has not read our OpenSSL configuration is replaced by one that has, once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tiaas.base import opensslconf
from tiaas.base.opensslconf import CONFIGURATION, GUARD, VARIABLE, OpensslNotConfigured, ensure, is_ours


class _Replaced(BaseException):
    """Stands for execv, which does not return."""


def _replace(calls: list[list[str]]) -> object:
    def replace(program: str, arguments: list[str]) -> None:
        calls.append([program, *arguments])
        raise _Replaced

    return replace


def test_ours_needs_nothing() -> None:
    ensure({VARIABLE: CONFIGURATION}, replace=lambda program, arguments: pytest.fail("replaced"))


def test_ours_by_another_path(tmp_path: Path) -> None:
    link = tmp_path / "link.cnf"
    link.symlink_to(CONFIGURATION)
    assert is_ours({VARIABLE: str(link)})
    assert not is_ours({})
    assert not is_ours({VARIABLE: ""})
    assert not is_ours({VARIABLE: str(tmp_path)})


def test_without_it_the_process_is_replaced_once() -> None:
    calls: list[list[str]] = []
    environ: dict[str, str] = {}
    with pytest.raises(_Replaced):
        ensure(environ, replace=_replace(calls))  # type: ignore[arg-type]
    assert calls == [[sys.executable, sys.executable, *sys.orig_argv[1:]]]
    assert environ == {VARIABLE: CONFIGURATION, GUARD: str(os.getpid())}
    # The new process has the same id; if it still lacks the configuration, another start would not help.
    with pytest.raises(OpensslNotConfigured, match=VARIABLE):
        ensure({GUARD: str(os.getpid())}, replace=_replace(calls))  # type: ignore[arg-type]


def test_a_child_with_the_guard_of_its_parent_is_replaced_too() -> None:
    calls: list[list[str]] = []
    with pytest.raises(_Replaced):
        ensure({GUARD: str(os.getppid())}, replace=_replace(calls))  # type: ignore[arg-type]


def test_a_foreign_configuration_gives_way_and_is_named() -> None:
    warnings: list[str] = []
    environ = {VARIABLE: "/etc/ssl/openssl.cnf"}
    with pytest.raises(_Replaced):
        ensure(environ, warn=warnings.append, replace=_replace([]))  # type: ignore[arg-type]
    assert environ[VARIABLE] == CONFIGURATION
    assert "/etc/ssl/openssl.cnf" in warnings[0]


def test_the_entry_point_loads_no_openssl_before() -> None:
    code = (
        "import sys, tiaas.cli.entry; from tiaas.base import opensslconf\n"
        "sys.exit(bool({'_ssl', '_hashlib', 'ssl', 'hashlib', 'hmac'} & set(sys.modules)))"
    )
    source = Path(opensslconf.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)})
    assert done.returncode == 0
