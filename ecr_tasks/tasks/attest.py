"""The `attest` task: attach a document to a published image, list what is attached, download it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, Text, document, given_bytes, result_table, say, working
from ecr_tasks.errors import Refused, RegistryError, SettingsError
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_tasks.model.attestation import Attached
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.model.publication import PublishedImage
    from ecr_tasks.model.registry import Repository
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run

_COLUMNS = (
    Column("image", meaning="strong", least=12),
    Column("kind", 7),
    Column("platform", 4),
    Column("type", 3),
    Column("name", 5),
    Column("digest", 6, meaning="id", cut=12),
)


@chained_task(
    lambda result: None,
    publishes=False,
    may_be_positional="file",
    optional=["get"],
    iterable=["image"],
    help={
        "file": "an SBOM (SPDX, CycloneDX), an in-toto statement, or any file with --type; --file may be left out",
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it (default: what was pushed of "
        "this commit)",
        "image": IMAGES,
        "platform": "os/arch: of several, the one that the file is about, or whose documents to show",
        "type": "spdx, cyclonedx, in-toto, or a media type (default: by the file's content)",
        "get": "download: sbom, provenance, a media type or a digest (default: the only one)",
        "output": "the file to write with --get (default: stdout)",
        "json": "one JSON document on stdout",
    },
)
def attest(
    run: Run,
    earlier: EarlierResults,
    file: str | None = None,
    source: str | None = None,
    image: list[str] | None = None,
    platform: str | None = None,
    type: str | None = None,  # noqa: A002 - the flag's name
    get: str | bool | None = None,
    output: str | None = None,
    json: bool = False,
) -> None:
    """Attach an SBOM to an image; list or get them.

    The image keeps its digest. Without a file, what is attached is listed;
    --get downloads it.
    """
    from ecr_tasks.execute.attestations import list_attached
    from ecr_tasks.model.platform import one_form
    from ecr_tasks.runner.publication import in_registry, published_to_deploy

    _check_flags(file, type, get, output, json=json)
    content = _read(file) if file is not None else b""
    if run.dry and source is None and earlier.receipt is None:
        say("would look for what is attached to this commit's image")
        return
    with working("looking for the image"):
        images = in_registry(run, published_to_deploy(run, earlier.receipt, source, image or []), None)
        found = {item.name: _subject(run, item, platform, attaches=file is not None) for item in images}
    if file is not None:
        if len(found) > 1:
            raise SettingsError(
                f"{file} can't be about {len(found)} images ({', '.join(found)}).", "Choose one of them with --image."
            )
        _attach(run, file, content, type, next(iter(found.values())))
        if run.dry:
            return
    about = one_form((platform,), lambda: run.engine().platform) if platform is not None else ()
    with working("asking what is attached"):
        attached = {
            name: [
                item
                for item in list_attached(run.registry.artifacts, repository, subject)
                if file is not None or not about or item.platform in about
            ]
            for name, (repository, subject) in found.items()
        }
    if get not in (None, False):
        _download(run, found, attached, get, output)
    elif json:
        document({"images": [_as_json(name, *found[name], items) for name, items in attached.items()]})
    else:
        _show(attached)


def _check_flags(
    file: str | None, type_name: str | None, get: str | bool | None, output: str | None, *, json: bool
) -> None:
    """Raise SettingsError for flags that don't go together."""
    gets = get not in (None, False)
    if file is not None and gets:
        raise SettingsError("A file is attached, and --get downloads one.", "Leave out the file, or --get.")
    if output is not None and not gets:
        raise SettingsError("--output is for --get.", "Add --get, or leave out --output.")
    if type_name is not None and file is None:
        raise SettingsError("--type is for a file to attach.", "Name the file; what --get downloads is `--get TYPE`.")
    if gets and json:
        raise SettingsError("--get prints the document itself.", "Leave out --json, or --get to list what is there.")


def _read(file: str) -> bytes:
    """Return the content of the file to attach. Raises SettingsError for one that can't be read or is too large."""
    from ecr_tasks.files import read_bytes
    from ecr_tasks.model.artifact import MAX_DOCUMENT

    try:
        return read_bytes(file, MAX_DOCUMENT)
    except OSError as error:
        raise SettingsError(
            f"{file} can't be read: {error.strerror or error}.", "Name the file with the SBOM or the statement."
        ) from None


def _subject(
    run: Run, image: PublishedImage, platform: str | None, *, attaches: bool
) -> tuple[Repository, StoredImage]:
    """Return an image and its repository; with ``attaches``, that of the platform which a document is about."""
    from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES, StoredImage
    from ecr_tasks.model.platform import one_form
    from ecr_tasks.plan.promotion import missing_image

    repository = run.registry.describe({image.repository: ()})[image.repository].repository
    stored = run.registry.image(repository, image.digest) if repository is not None else None
    if repository is None or stored is None:
        raise missing_image(image.digest, image.repository)
    if not attaches:
        return repository, stored
    # Its size is a part of what refers to it; ECR counts that as a pull where it isn't known here.
    stored = run.registry.read(repository, stored)
    if platform is None:
        return repository, stored
    (wanted,) = one_form((platform,), lambda: run.engine().platform) or ("",)
    children = dict(stored.children)
    if wanted not in children:
        there = ", ".join(children) or "it is a single image"
        raise RegistryError(
            f"{image.digest} in {image.repository} has no platform {platform[:100]} ({there}).",
            "Choose one of these, or leave out --platform.",
        )
    child = run.registry.image(repository, children[wanted])
    return repository, child or StoredImage(children[wanted], "", MANIFEST_MEDIA_TYPES[0])


def _attach(
    run: Run, file: str, content: bytes, type_name: str | None, subject: tuple[Repository, StoredImage]
) -> None:
    from ecr_tasks.plan.attestation_file import attestation_artifact

    repository, image = subject
    subjects = (image.digest, *(digest for _, digest in image.children))
    artifact = attestation_artifact(content, Path(file).name, type_name, subjects)
    _refuse_secrets(file, content)
    words = f"{artifact.artifact_type} {'would be attached' if run.dry else 'attached'} to {image.digest}"
    if not run.dry:
        run.registry.artifacts.attach(repository, image, artifact)
    say(f"{repository.name}: {words}")


def _refuse_secrets(file: str, content: bytes) -> None:
    """Raise Refused for a file with a secret of this run: whoever may pull the image can read what is attached."""
    from ecr_tasks.redaction import redact_known

    text = content.decode("utf-8", "replace")
    if redact_known(text, arguments=False) != text:
        raise Refused(
            f"{file} has a secret of this run in it, and whoever may pull the image could read it.",
            "Make the document anew without it.",
        )


def _download(
    run: Run,
    found: Mapping[str, tuple[Repository, StoredImage]],
    attached: Mapping[str, Sequence[Attached]],
    get: str | bool | None,
    output: str | None,
) -> None:
    """Write the one document that --get means, byte for byte. Raises RegistryError when none or several match."""
    from ecr_tasks.model.artifact import EMPTY_MEDIA_TYPE
    from ecr_tasks.plan.attachment_choice import choose_attached

    name, item = choose_attached(attached, get if isinstance(get, str) else None)
    repository, _ = found[name]
    read = run.registry.artifacts.read(repository, item.digest).documents
    documents = [document for document in read if document.media_type != EMPTY_MEDIA_TYPE]
    if len(documents) != 1:
        raise RegistryError(
            f"{item.digest} in {repository.name} has {len(documents)} files, and not one.",
            "Fetch it with a client such as oras.",
        )
    content = documents[0].content
    if output is None:
        given_bytes(content)
        return
    from ecr_tasks.files import write_remedy

    try:
        Path(output).write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{output} can't be written: {error.strerror}.", write_remedy(error)) from None
    say(f"{repository.name}: {item.kind} of {item.subject} written to {output}")


def _show(attached: Mapping[str, Sequence[Attached]]) -> None:
    rows: list[tuple[Text, ...]] = []
    for name, items in attached.items():
        if not items:
            say(f"{name}: nothing is attached")
        for number, item in enumerate(items):
            kind = "SBOM" if item.kind == "sbom" else item.kind
            shown = Styled(name, short=name if number == 0 else "")
            rows.append(
                (shown, kind, item.platform, item.predicate_type or item.artifact_type, item.name, item.digest)
            )
    if rows:
        several = len(attached) > 1
        skipped = 0 if several else 1
        result_table(_COLUMNS[skipped:], [row[skipped:] for row in rows])


def _as_json(name: str, repository: Repository, image: StoredImage, items: Sequence[Attached]) -> dict[str, Any]:
    return {
        "name": name,
        "registry": repository.host,
        "repository": repository.name,
        "digest": image.digest,
        "attached": [item.as_json() for item in items],
    }
