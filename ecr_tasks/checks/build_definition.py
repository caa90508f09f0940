"""The checks of the settings and the build definition, as findings: those of `before_build`, and the base images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from ecr_tasks.checks.before_build import Subject, builds_of, image_checks
from ecr_tasks.checks.leak import LeakedKeys
from ecr_tasks.checks.leaked_keys import new_scan
from ecr_tasks.checks.needless_entries import needless_entries
from ecr_tasks.errors import EcrTasksError, ExitCode, NoAnswer, RegistryError
from ecr_tasks.files import read_bytes
from ecr_tasks.model.finding import AppendLine, Finding, Section
from ecr_tasks.model.image import Image
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.git.incomplete import Checkouts
from ecr_tasks.source.source_state import SourceState

PROJECT = Section("Project", ExitCode.SETTINGS)
SECRETS = Section("Secrets", ExitCode.REFUSED)
BUILD = Section("Build", ExitCode.BUILD)

IN_STORE = "the engine's store"
"""Where a base image was found that no registry is asked for."""

SLOW_REGISTRY = "Run it again; if it stays so, see the network of the engine and builder (VPN, DNS, proxy)."

_PLACES: Mapping[Subject, tuple[Section, str]] = {
    "checkout": (BUILD, "checkout"),
    "build files": (BUILD, "Dockerfile and contexts"),
    "copied files": (BUILD, "copied files"),
    "readable files": (BUILD, "readable files"),
    "secrets": (SECRETS, "files and values"),
}


def check_images(
    images: Sequence[Image],
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    note: Callable[[str], None],
) -> Iterator[Finding]:
    """Yield what is to say of the files that each image's build reads and sends."""
    scan, checkouts = new_scan(), Checkouts(environ)
    errors: dict[tuple[Subject, str], EcrTasksError] = {}
    subjects: dict[Subject, None] = {}
    for image in images:
        for subject, check in image_checks(image, settings, source, environ, note, scan, checkouts):
            subjects[subject] = None
            try:
                check()
            except EcrTasksError as error:
                errors.setdefault((subject, error.cause), error)
    for subject in subjects:
        section, name = _PLACES[subject]
        found = [item for (about, _), item in errors.items() if about == subject]
        for item in found:
            yield section.error(name, item, *(_missing_lines(item) if isinstance(item, LeakedKeys) else ()))
        if not found:
            yield section.fine(name, _fine(subject, images))
    for text in needless_entries(settings, builds_of(images), environ):
        yield SECRETS.warning("exceptions", text, "Correct ECR_ALLOW_KEYS_IN, or take that entry out.")


def _missing_lines(error: LeakedKeys) -> list[AppendLine]:
    """Return the lines that would keep secrets out and that their files don't have."""
    lines = [AppendLine(leak.ignore_file, leak.ignore_line) for leak in error.leaks]
    return [line for line in dict.fromkeys(lines) if not _has(line)]


def _has(line: AppendLine) -> bool:
    with suppress(OSError):
        return line.line.encode() in read_bytes(line.file).split(b"\n")
    return False


def check_base_images(found: Mapping[str, str | EcrTasksError] | EcrTasksError) -> Iterator[Finding]:
    """Yield whether the images that the builds read are there."""
    if isinstance(found, EcrTasksError):
        yield BUILD.unknown("base images", found.cause)
        return
    for reference, place in found.items():
        if isinstance(place, NoAnswer):
            yield BUILD.unknown(f"base image {reference}", place.cause, SLOW_REGISTRY)
        elif isinstance(place, EcrTasksError):
            # A registry's error is one of the build that can't read from it.
            code = ExitCode.BUILD if isinstance(place, RegistryError) else place.code
            yield BUILD.wrong(f"base image {reference}", place.cause, place.remedy, code=code)
    there = [reference for reference, place in found.items() if isinstance(place, str)]
    if there:
        yield BUILD.fine("base images", f"{', '.join(there)}: there")
    elif not found:
        yield BUILD.fine("base images", "none is read from elsewhere")


def check_dockerfiles(
    error: EcrTasksError | None, bases: Mapping[str, str | EcrTasksError] | EcrTasksError
) -> Iterator[Finding]:
    """Yield whether the builder can read the Dockerfiles; an error about a base image that is missing is not told."""
    if isinstance(bases, EcrTasksError):
        return
    missing = [reference for reference, place in bases.items() if isinstance(place, EcrTasksError)]
    if error is None:
        yield BUILD.fine("Dockerfiles", "the builder can read them")
    elif isinstance(error, NoAnswer):
        yield BUILD.unknown("Dockerfiles", error.cause, error.remedy)
    elif not any(reference in error.cause for reference in missing) and not (
        missing and isinstance(error, RegistryError)
    ):
        yield BUILD.error("Dockerfiles", error)


def _fine(subject: Subject, images: Sequence[Image]) -> str:
    names = ", ".join(image.name for image in images)
    return {
        "checkout": "complete",
        "build files": f"there ({names})",
        "copied files": "those that are named are there",
        "readable files": "all can be read",
        "secrets": "none goes into an image or is tracked by git",
    }[subject]
