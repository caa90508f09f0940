"""Write the summary of a run in Markdown, for CI systems that show a summary."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.ci.outputs.escape import code, markdown
from ecr_tasks.ci.outputs.model import CopyOutput, ImageOutput, Outputs
from ecr_tasks.model.wording import human_size

_HEADLINES = {
    "pushed": "published",
    "retagged": "published before, tags set now",
    "already-published": "published before, nothing to do",
    "built": "built, not published",
}

_TRUNCATED = "\n\nThe rest is left out: see the receipt.\n"


def summary(outputs: Outputs) -> str:
    """Return Markdown with a section for each image: reference, digest, tags, sizes, time, reason of the build."""
    failed = [f"### {code(name)}: **failed**\n\n{markdown(cause)}\n" for name, cause in outputs.failed.items()]
    return "\n".join(
        [*failed, *(_section(image, outputs) for image in outputs.images if image.name not in outputs.failed)]
    )


def truncate(text: str, limit: int) -> str:
    """Return the first lines of the text that have at most ``limit`` bytes with the note that the rest is left out.

    Empty when not even one line fits.
    """
    if len(text.encode("utf-8", "backslashreplace")) <= limit:
        return text
    lines, size = [], len(_TRUNCATED.encode())
    for line in text.splitlines(keepends=True):
        size += len(line.encode("utf-8", "backslashreplace"))
        if size > limit:
            break
        lines.append(line)
    return "".join(lines).rstrip("\n") + _TRUNCATED if lines else ""


def _section(image: ImageOutput, outputs: Outputs) -> str:
    because = markdown(image.because)
    skipped = image.state in ("retagged", "already-published")
    rows = [
        ("image", code(image.image)),
        ("digest", code(image.digest) if image.digest else ""),
        ("tags", ", ".join(code(tag) for tag in image.tags) or "none"),
        ("version", code(image.version) if image.version else ""),
        ("size", _sizes(image.size, image.platforms)),
        *(("destination", _destination(copy)) for copy in image.copies),
        ("skipped", f"the build, as {because}") if skipped else ("built", because),
        ("time", f"{image.seconds:.1f} s"),
        ("source", _source(outputs)),
    ]
    optional = ("digest", "version", "size")
    table = "".join(f"| {name} | {cell} |\n" for name, cell in rows if cell or name not in optional)
    headline = _HEADLINES.get(image.state, markdown(image.state))
    if failed := [copy for copy in image.copies if copy.state == "failed"]:
        headline += f", but not in {len(failed)} of {len(image.copies)} destinations"
    return f"### {code(image.name)}: {headline}\n\n| | |\n|---|---|\n{table}"


def _destination(copy: CopyOutput) -> str:
    if copy.state == "failed":
        return f"{code(copy.image)}: **failed**, {markdown(copy.cause or '')}"
    return f"{code(copy.image)}: {_HEADLINES.get(copy.state, markdown(copy.state))}"


def _sizes(total: int | None, platforms: Mapping[str, int | None]) -> str:
    entries = [
        markdown(name) + (f" {human_size(size)}" if size is not None else "") for name, size in platforms.items()
    ]
    if total is None:
        return ", ".join(entries)
    if len(entries) == 1:
        entries = [markdown(name) for name in platforms]
    return f"{human_size(total)} ({', '.join(entries)})" if entries else human_size(total)


def _source(outputs: Outputs) -> str:
    if outputs.revision is None:
        return "no commit"
    ref = outputs.tag or outputs.branch
    text = (f"{code(ref)} at " if ref else "") + code(outputs.revision[:12])
    return text + (", with uncommitted changes" if outputs.dirty else "")
