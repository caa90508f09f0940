"""Compare a pipeline that was written earlier with the current template."""

from __future__ import annotations

import difflib
from pathlib import Path

from ecr_tasks.ci.pipelines.template import Values, fill, fingerprint, header, load, origin, own_values
from ecr_tasks.ci.systems import System
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.files import read_text


def pipeline_diff(project: Path, system: System, values: Values) -> str:
    """Return the difference between the project's pipeline and one from the current template; empty if up to date.

    A pipeline is up to date if it was made from the current template, even if people have changed it since. The
    difference is a unified diff for `git apply`, which also undoes their changes. Raises Refused
    when there is no pipeline or it has no header, SettingsError when it can't be read.
    """
    path = project / system.path
    try:
        text = read_text(path)
    except FileNotFoundError as error:
        raise Refused(f"There is no {system.path}.", f"`inv ci.init {system.name}` writes it.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{system.path} can't be read: {error}.", "It has to be a readable text file.") from error
    credentials, features, old_fingerprint = origin(system, text) or (None, (), "")
    if credentials is None:
        default = system.credentials[0]
        line = header(system, default, load(system, default)).splitlines()[0]
        raise Refused(
            f"{system.path} doesn't say which template it was made from.",
            f"Compare it by hand with what `inv ci.init {system.name}` writes elsewhere, then begin it with: {line}",
        )
    template = load(system, credentials, features)
    if fingerprint(template) == old_fingerprint:
        return ""
    replacements = values.by_placeholder(system) | own_values(template, text)
    current = fill(system, credentials, template, replacements, features).splitlines(keepends=True)
    existing = text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(existing, current, f"a/{system.path}", f"b/{system.path}"))
