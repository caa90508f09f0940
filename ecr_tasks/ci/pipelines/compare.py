"""Compare a pipeline that was written earlier with the current template."""

from __future__ import annotations

import difflib
from pathlib import Path

from ecr_tasks.ci.pipelines.template import Values, fill, fingerprint, header, load, origin, own_values
from ecr_tasks.ci.systems import Credentials, Feature, System
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.files import read_text, reading_problem

_FLAGS: dict[Feature, str] = {"native": "--native-platforms", "nightly": "--nightly"}


def pipeline_diff(project: Path, system: System, values: Values, asked: Credentials | None = None) -> str:
    """Return the difference between the project's pipeline and one from the current template; empty if up to date.

    A pipeline is up to date if it was made from the current template, even if people have changed it since. The
    difference is a unified diff for `git apply`, which also undoes their changes. ``asked`` and the features of
    ``values`` are what the pipeline should have been made with, where anything was asked for. Raises Refused when
    there is no pipeline, when it has no header, or was made with something else; SettingsError when it can't be read.
    """
    path = project / system.path
    flags = [f"--{asked}"] if asked is not None else []
    command = " ".join(["inv ci.init", system.name, *flags, *(_FLAGS[feature] for feature in values.features)])
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        if path.is_symlink():
            cause = f"{system.path} can't be read: it is a link to nothing."
            raise SettingsError(cause, f"Remove it, and let `{command}` write it.") from error
        raise Refused(f"There is no {system.path}.", f"`{command}` writes it.") from error
    except (OSError, UnicodeError) as error:
        cause = f"{system.path} can't be read: {reading_problem(error)}."
        raise SettingsError(cause, "It has to be a readable text file.") from error
    credentials, features, old_fingerprint = origin(system, text) or (None, (), "")
    if credentials is None:
        default = asked or system.credentials[0]
        template = load(system, default, values.features)
        line = header(system, default, template, values.features).splitlines()[0]
        raise Refused(
            f"{system.path} doesn't say which template it was made from.",
            f"Compare it by hand with what `{command}` writes elsewhere, then begin it with: {line}",
        )
    if (asked or credentials, values.features or features) != (credentials, features):
        raise Refused(
            f"{system.path} was made with {' and '.join((credentials, *features))}; `{command}` writes another one.",
            f"Say `inv ci.init {system.name} --check` alone, or move the file away and write it anew.",
        )
    template = load(system, credentials, features)
    if fingerprint(template) == old_fingerprint:
        return ""
    replacements = values.by_placeholder(system) | own_values(template, text)
    current = fill(system, credentials, template, replacements, features).splitlines(keepends=True)
    existing = text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(existing, current, f"a/{system.path}", f"b/{system.path}"))
