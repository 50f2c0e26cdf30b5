"""Brainpool curves in Python's `ssl`: they depend on a configuration that OpenSSL reads once, when it is loaded.

Python offers no way to set the groups of a TLS context, and OpenSSL's own default list lacks the brainpool curves
of the TI (gemSpec_Krypt). So the process must have started with `OPENSSL_CONF` naming our file; a process that has
not is replaced by one that has (`ensure`). This module must not import anything that loads OpenSSL: no `ssl`,
`hashlib`, `hmac`, `uuid`, `random`, `tempfile`, nor what imports them.
"""

import os
import sys
from collections.abc import Callable, Mapping, MutableMapping

from tiaas.base.errors import TiaasError

VARIABLE = "OPENSSL_CONF"
GUARD = "TIAAS_OPENSSL_CONF_SET_BY"
CONFIGURATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "openssl.cnf")


class OpensslNotConfigured(TiaasError):
    """OpenSSL was loaded without our configuration; says what to do."""


def is_ours(environ: Mapping[str, str]) -> bool:
    """True if `OPENSSL_CONF` names our configuration, by whatever path."""
    named = environ.get(VARIABLE)
    return bool(named) and os.path.realpath(named or "") == os.path.realpath(CONFIGURATION)


def ensure(
    environ: MutableMapping[str, str] = os.environ,
    warn: Callable[[str], object] = lambda text: None,
    replace: Callable[[str, list[str]], object] = os.execv,
) -> None:
    """Returns in a process that started with our configuration; else starts it anew with it, once.

    A foreign `OPENSSL_CONF` gives way, and `warn` is told. Raises `OpensslNotConfigured` if even the new process
    has not got it.
    """
    if is_ours(environ):
        return
    # execv keeps the process id: whoever finds its own id here has been replaced already.
    if environ.get(GUARD) == str(os.getpid()):
        raise OpensslNotConfigured(f"{VARIABLE} does not stay set to {CONFIGURATION}; set it before starting tiaas")
    foreign = environ.get(VARIABLE)
    if foreign:
        warn(f"{VARIABLE}={foreign} gives way to {CONFIGURATION} for this process: the TI's brainpool curves need it")
    environ[VARIABLE] = CONFIGURATION
    environ[GUARD] = str(os.getpid())
    replace(sys.executable, [sys.executable, *sys.orig_argv[1:]])
