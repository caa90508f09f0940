"""The environment variables that a child process gets: those that it has a use for, and no other's secrets.

A program that we start may start others: what a repository's configuration names, credential helpers, ssh. A CI's
job has tokens in its environment that are for one purpose each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

GIT_LEADS = "GIT_"
"""The prefix of git's own variables. In a hook they lead git to another repository than that of its folder
(https://github.com/pre-commit/pre-commit/issues/300); GIT_TRACE prints what git sends."""

# `re` compiles these patterns at their first use.
_GIT_KEPT = (
    # the folders of git's programs and configuration, which belong to the machine and not to a repository
    r"GIT_(?:EXEC_PATH|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM|CONFIG_COUNT|CONFIG_KEY_\d+|CONFIG_VALUE_\d+"
    # how far up git searches for a repository
    r"|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM"
    # a partial clone may have to fetch objects
    r"|SSH|SSH_COMMAND|SSL_CAINFO|SSL_NO_VERIFY|HTTP_PROXY_AUTHMETHOD|ALLOW_PROTOCOL)"
)

_SYSTEM = (
    "PATH HOME USER LOGNAME SHELL PWD LANG LANGUAGE TZ TERM TMPDIR TMP TEMP HOSTNAME"
    # what the loader and interpreters of git's filters need
    " LD DYLD NIX MSYS FAKETIME VIRTUAL_ENV CONDA_PREFIX GNUPGHOME"
    # git takes a repository for the user's own that belongs to who called sudo
    " SUDO_UID SUDO_GID SSH_AUTH_SOCK SSH_AGENT_PID"
    " ALL_PROXY HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE"
    # Windows and macOS
    " SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERPROFILE USERNAME USERDOMAIN HOMEDRIVE HOMEPATH APPDATA"
    " LOCALAPPDATA PROGRAMDATA ALLUSERSPROFILE MSYSTEM CYGWIN DEVELOPER_DIR SDKROOT __CF_USER_TEXT_ENCODING"
)

_SYSTEMS = ("LC_", "XDG_", "LD_", "DYLD_", "NIX_", "MSYS_", "FAKETIME_", "PYTHON", "PROGRAMFILES")
"""The prefixes of more of them."""

_FOLDERS = ("_HOME", "_ROOT", "_DIR", "PATH")
"""The ends of names of variables with a folder of a program (``JAVA_HOME``, ``ASDF_DIR``), such as git's filters."""

_OF_DOCKER = ("DOCKER_", "BUILDX_", "BUILDKIT_", "OTEL_")
"""The prefixes of what docker, buildx and BuildKit's client read, their own credentials included."""

_TELLING_NAME = (
    r"(?i)token|secret|passw|passphrase|credential|jwt|cookie|oidc|(?:api|access|private|signing|encryption)_?key"
    r"|webhook|keystore|_(?:key|pat|pass|pwd|pw|auth|dsn)$|^SYSTEM_ACCESSTOKEN$"
)

_TELLING_VALUE = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|LS0tLS1CRUdJTi"  # the second is the first one's beginning in base64
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*$"  # a JSON Web Token
    r"|[a-z][a-z0-9+.-]*://(?!git@)[^/@\s]+@"  # an address with a password or a token in it
    # tokens of well-known services
    r"|(?:gh[pousr]_|github_pat_|glpat-|[sr]k_live_|npm_|hf_|dckr_pat_|pypi-|xox[abprs]-|xapp-|sk-ant-|sk-proj-)[\w-]{16}"
    r"|A[KS]IA[A-Z0-9]{12}|https://hooks\.slack\.com/services/"
)

_IDENTITY = (
    r"(?i)ACTIONS_ID_TOKEN_REQUEST_\w+|(?:(?!OIDC)\w)*OIDC(?:(?!TOKEN)\w)*TOKEN\w*|\w*ID_TOKEN|CI_JOB_JWT\w*|SYSTEM_ACCESSTOKEN|SYSTEM_OIDC\w+"
    r"|BUILDKITE_AGENT_ACCESS_TOKEN"
)
"""The variables with which a CI's job proves what it is."""


def git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what git needs: where programs and configuration are, and the way to a server."""
    system = set(_SYSTEM.split())

    def is_needed(name: str, text: str) -> bool:
        upper = name.upper()
        if name.startswith(GIT_LEADS):
            return bool(re.fullmatch(_GIT_KEPT, name))
        if upper in system or (upper.startswith(_SYSTEMS) and not upper.startswith("PYTHON_TOKEN")):
            return True
        is_folder = upper.endswith(_FOLDERS) and not upper.startswith((GIT_LEADS, "ECR_", "AWS_"))
        return is_folder and Path(text).is_absolute() and not is_secret(name, text)

    return {name: text for name, text in environ.items() if is_needed(name, text)}


def docker_environment(
    environ: Mapping[str, str], *, needed: Collection[str] = (), starts_programs: bool = False
) -> dict[str, str]:
    """Return what docker and buildx need: everything but secrets that are not theirs, and variables of git and ours.

    ``needed`` are the names that a build refers to. With ``starts_programs``, docker starts programs of the user (a
    credential helper, ssh), which may want any variable but the CI's identity.
    """
    return {
        name: text
        for name, text in environ.items()
        if name in needed or not _is_withheld(name, text, starts_programs=starts_programs)
    }


def reading_environment(environ: Mapping[str, str], own: Mapping[str, str], named: Collection[str]) -> dict[str, str]:
    """Return the variables with which docker reads definitions; those of ``environ`` that ``own`` lacks are of files.

    An application's file may have what a program of docker's takes for its own settings, such as the address that
    traces go to. Only what the definitions name is handed on of it, and then no traces are sent.
    """
    system = set(_SYSTEM.split())

    def is_handed_on(name: str) -> bool:
        steers = name in system or name.startswith((*_OF_DOCKER, *_SYSTEMS))
        return name in own or name in named or not steers

    sends = any(name.startswith("OTEL_") for name in own)
    silent = {} if sends else {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    return silent | {name: text for name, text in environ.items() if is_handed_on(name)}


def agent_environment(environ: Mapping[str, str], program: str) -> dict[str, str]:
    """Return what a CI's own program (``buildkite-agent``) needs: no secrets but the CI's, named after it."""
    prefix = program.partition("-")[0].upper() + "_"
    return docker_environment(environ, needed=[name for name in environ if name.startswith(prefix)])


def _is_withheld(name: str, text: str, *, starts_programs: bool) -> bool:
    if name.startswith(_OF_DOCKER):
        return False
    if name.startswith(GIT_LEADS):
        return not re.fullmatch(_GIT_KEPT, name)
    if name.startswith("ECR_") or re.fullmatch(_IDENTITY, name):
        return True
    return not starts_programs and is_secret(name, text)


def is_secret(name: str, text: str) -> bool:
    """Return whether a variable holds a secret, by its name or by the shape of its value.

    A proxy's address is none: nothing reaches a registry without its password.
    """
    if name.lower().endswith("_proxy"):
        return False
    return bool(re.search(_TELLING_NAME, name) or re.match(_TELLING_VALUE, text.lstrip()))
