"""Every setting, with one image, a bake file and a compose file: applied, refused, or of no concern to a build."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import BakeFile, BakeTarget, BuildDefinition, Image
from ecr_tasks.plan.cache import caches_of, with_cache
from ecr_tasks.plan.images import images
from ecr_tasks.settings.load import load
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.source.definitions.files import definition_files
from ecr_tasks.source.definitions.resolve import resolve
from tests.support.build import repository, source

What = Literal["applied", "refused", "elsewhere"]
Kind = Literal["image", "bake", "compose"]

EVERYWHERE: tuple[str, ...] = (
    *("ECR_PLATFORMS", "ECR_BUILD_ARGS", "ECR_BUILD_CONTEXTS", "ECR_SECRETS", "ECR_SSH", "ECR_LABELS"),
    *("ECR_ANNOTATIONS", "ECR_CACHE", "ECR_CACHE_FROM", "ECR_CACHE_TO", "ECR_PRESET", "ECR_ATTEST"),
    *("ECR_TAGS", "ECR_FLAVOR", "ECR_REPOSITORY"),
)
"""The settings that are applied to each image, however it is described."""

OF_ONE_IMAGE = ("ECR_CONTEXT", "ECR_DOCKERFILE", "ECR_TARGET")
"""The settings that are applied to one image, and refused where a file describes the images."""

OF_FILES = ("ECR_BAKE_FILE", "ECR_REPOSITORY_PREFIX", "ECR_REPOSITORY_MAP", "ECR_ALLOW")
"""The settings about files that describe images. ECR_ALLOW grants what such a file asks for."""

ELSEWHERE: tuple[str, ...] = (
    *(name for name in TABLE if name.startswith("AWS_")),
    *("ECR_ROLE_ARN", "ECR_BUILDER", "ECR_DIRTY", "ECR_SKIP", "ECR_DEBUG", "ECR_CREATE_REPOSITORY", "ECR_MUTABILITY"),
    *("ECR_LIFECYCLE_POLICY", "ECR_REPOSITORY_POLICY", "ECR_KMS_KEY", "ECR_REPOSITORY_TAGS", "ECR_DESTINATIONS"),
    *("ECR_SCAN_FAIL_ON", "ECR_ALLOW_KEYS_IN", "ECR_PULL_REQUEST", "ECR_DIRTY_IGNORE", "ECR_LOCK_MINUTES"),
    *("ECR_ENV_FILE", "ECR_KEEP_LOCAL", "ECR_PULL_TIME_EXCLUSIONS", "ECR_REGISTRY_FILE", "ECR_SBOM_GENERATOR"),
    *("ECR_SCAN_ACCEPTED", "ECR_REGISTRY_LOGINS", "ECR_CACHE_COMPRESSION", "ECR_PUTS_PER_SECOND"),
    *("ECR_PRUNE", "ECR_PRUNE_ASK", "ECR_NATIVE", "ECR_MIRRORS", "ECR_PULL_THROUGH"),
    *("ECR_SIGN", "ECR_SIGNED_BY"),
    *("ECR_EMULATION", "ECR_EMULATION_IMAGE", "ECR_CLIENT"),
)
"""The settings that change nothing in an image's definition, tags or repository: they mean the same for all kinds."""

EXAMPLES = {
    "ECR_REPOSITORY": "other",
    "ECR_TAGS": "type=raw,value=x",
    "ECR_FLAVOR": "prefix=x",
    "ECR_BUILD_ARGS": "A=1",
    "ECR_PRESET": "supply-chain",
    "ECR_BAKE_FILE": "more.hcl",
    "ECR_CONTEXT": "web",
    "ECR_ENV_FILE": "/dev/null",
}
"""Other texts than those of `.env.example`, which may be the default or name something that isn't there."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (
        "docker-bake.hcl",
        "more.hcl",
        "ecr/lifecycle.json",
        "ecr/policy.json",
        "ecr/accepted.yaml",
        "registry.yaml",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    (tmp_path / "compose.yaml").write_text("services: {app: {build: .}}", encoding="utf-8")
    return tmp_path


def planned(project: Path, kind: Kind, **environ: str) -> list[Image]:
    """Return the images with these settings; raises what the tasks raise."""
    files: dict[Kind, dict[str, str]] = {"image": {}, "bake": {"ECR_BAKE_FILE": "docker-bake.hcl"}}
    files["compose"] = {"ECR_BAKE_FILE": "compose.yaml"}
    name = {} if "ECR_REPOSITORY_PREFIX" in environ else {"ECR_REPOSITORY": "app"}
    chosen = load(project, environ={**name, **files[kind], **environ})
    target = BakeTarget(BuildDefinition("."))
    found = definition_files(chosen, {})
    read = BakeFile({"app": target}, ("app",))
    targets = resolve(found, chosen, {}, lambda *_: read).targets if found else None
    result = images(chosen, source(), {"A": "1"}, targets)
    for image in result:
        with_cache(image.definition, caches_of(chosen, None), repository())
    return [
        Image(
            i.name,
            i.repository,
            with_cache(i.definition, caches_of(chosen, None), repository()),
            i.tags,
            referrers=i.referrers,
        )
        for i in result
    ]


def outcome(project: Path, kind: Kind, name: str) -> What:
    """Return what becomes of a setting."""
    text = EXAMPLES.get(name, TABLE[name].example)
    try:
        changed = planned(project, kind, **{name: text})
    except EcrTasksError as error:
        if name not in f"{error.cause} {error.remedy}":
            raise
        return "refused"
    return "elsewhere" if changed == planned(project, kind) else "applied"


def test_every_setting_is_in_one_of_the_classes() -> None:
    classes = [*EVERYWHERE, *OF_ONE_IMAGE, *OF_FILES, *ELSEWHERE]
    assert sorted(classes) == sorted(TABLE), "say what the new setting does with one image, bake and compose"


@pytest.mark.parametrize("kind", ["image", "bake", "compose"])
def test_a_setting_does_the_same_with_every_kind_of_definition(project: Path, kind: Kind) -> None:
    assert {name: outcome(project, kind, name) for name in EVERYWHERE} == dict.fromkeys(EVERYWHERE, "applied")
    assert {name: outcome(project, kind, name) for name in ELSEWHERE} == dict.fromkeys(ELSEWHERE, "elsewhere")


@pytest.mark.parametrize("name", OF_ONE_IMAGE)
def test_a_setting_of_one_image_is_refused_with_a_file(project: Path, name: str) -> None:
    assert outcome(project, "image", name) == "applied"
    assert outcome(project, "bake", name) == outcome(project, "compose", name) == "refused"


def test_a_setting_about_files_is_applied_to_them(project: Path) -> None:
    for kind in ("bake", "compose"):
        prefixed = planned(project, kind, ECR_REPOSITORY_PREFIX="team/")
        assert [image.repository for image in prefixed] == ["team/app"]
    (project / "docker-bake.hcl").unlink()
    (project / "compose.yaml").unlink()
    with pytest.raises(EcrTasksError, match="ECR_REPOSITORY_PREFIX is set"):
        planned(project, "image", ECR_REPOSITORY_PREFIX="team/")
