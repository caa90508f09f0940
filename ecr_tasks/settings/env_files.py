"""Which dotenv files are read: ours by a name of its own, or the project's .env, and the chosen environment's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ecr_tasks.frozen import dataclass
from ecr_tasks.settings.errors import Problems

SETTING = "ECR_ENV_FILE"
OWN = ".env.ecr"
"""The dotenv file that is read in place of an application's ``.env``."""

_SAMPLES = {"example", "sample", "template", "dist"}


@dataclass(frozen=True)
class EnvFiles:
    """The dotenv files to read, lowest first.

    ``is_own`` says that they are ours alone: in a file ``.env``, an application's settings may stand, too.
    """

    paths: tuple[Path, ...] = ()
    is_own: bool = False

    def relatives(self) -> Iterable[Path]:
        """Return the files beside them whose names go on where theirs end: those of other environments."""
        for path in self.paths[:1]:
            if path.parent.is_dir():
                yield from sorted(entry for entry in path.parent.iterdir() if entry.name.startswith(f"{path.name}."))


def named_file(environ: Mapping[str, str], config: Mapping[str, object]) -> str:
    """Return the dotenv file that ECR_ENV_FILE or ``env_file`` in Invoke's configuration names; empty without one."""
    named = environ.get(SETTING, "").strip() or config.get("env_file")
    return named.strip() if isinstance(named, str) else ""


def env_files(
    project: Path,
    env_name: str | None,
    environ: Mapping[str, str],
    config: Mapping[str, object],
    problems: Problems,
) -> EnvFiles:
    """Return the dotenv files of a project, and of its environment ``env_name``.

    They are the file of ECR_ENV_FILE (in the environment, or ``env_file`` in Invoke's configuration), else
    ``.env.ecr``, else ``.env``; and the file with ``.NAME`` after that name. Adds to ``problems`` a chosen
    environment without a file.
    """
    if named := named_file(environ, config):
        base = project / named
        is_own = True
    else:
        own = project / OWN
        is_own = _exists(own) or (bool(env_name) and _exists(project / f"{OWN}.{env_name}"))
        base = own if is_own else project / ".env"
    paths = [base] if _exists(base) else []  # a missing file of ECR_ENV_FILE is named where that is parsed
    if env_name is None:
        return EnvFiles(tuple(paths), is_own)
    chosen = base.parent / f"{base.name}.{env_name}"
    if not env_name or "/" in env_name or "\\" in env_name:
        problems.add(
            f"{env_name!r} can't name an environment: it is the NAME of a {base.name}.NAME beside tasks.py.",
            "Give that NAME alone, such as `inv env prod …`.",
        )
    elif _exists(chosen):
        paths.append(chosen)
    else:
        problems.add(
            f"There is no {chosen.name} in {chosen.parent} ({_hint(base, chosen, project / '.env')}).",
            "Write that file, or choose another name.",
        )
    return EnvFiles(tuple(paths), is_own)


def _hint(base: Path, chosen: Path, env: Path) -> str:
    names = sorted(
        {path.name.removeprefix(f"{base.name}.") for path in base.parent.glob(f"{base.name}.*")} - _SAMPLES
    )
    hint = f"there are: {', '.join(names)}" if names else f"nor any other {base.name}.NAME"
    other = env.with_name(chosen.name.replace(base.name, env.name, 1))
    if base != env and other == base:
        return f"{base.name} is read without being chosen"
    if base != env and _exists(other):
        return f"{hint}; {other.name} is not read where {base.name} is"
    return hint


def _exists(path: Path) -> bool:
    # A broken symbolic link counts as a file: the user expects it to be read, so reading it must fail. A folder .env
    # with pyvenv.cfg in it is a virtual environment (PEP 405).
    return (path.is_symlink() or path.exists()) and not is_virtual_environment(path)


def is_virtual_environment(path: Path) -> bool:
    """Return whether a path is a folder with a virtual environment of Python's."""
    return (path / "pyvenv.cfg").exists()
