"""Tests of the source as one image sees it: what makes it dirty, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.load import load
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.image_source import Reads, image_source
from ecr_tasks.source.source_state import SourceState
from tests.support.repo import Repo

FILES = {
    "services/web/Dockerfile": "FROM scratch\n",
    "services/web/.dockerignore": "docs\n*.md\n!keep.md\n",
    "services/web/app.py": "1\n",
    "services/web/docs/a.txt": "1\n",
    "services/web/README.md": "1\n",
    "services/web/keep.md": "1\n",
    "services/api/app.py": "1\n",
    "shared/lib.py": "1\n",
    "shared/.dockerignore": "tests\n",
    "shared/tests/a.py": "1\n",
    "docker/web.Dockerfile": "FROM scratch\n",
    "docker/web.Dockerfile.dockerignore": "*.py\n",
    "docker-bake.hcl": "",
    ".env": "ECR_REPOSITORY=team/app\n",
    "invoke.yaml": "",
}


@pytest.fixture
def monorepo(empty: Repo) -> Repo:
    """A repository with several services."""
    for name, text in FILES.items():
        empty.write(name, text)
    empty.git("add", "--all")
    empty.git("commit", "--quiet", "--message", "All")
    return empty


def seen(repo: Repo, definition: BuildDefinition | None = None, project: str = ".", **environ: str) -> SourceState:
    """Return the source as an image of this definition sees it."""
    settings = load(repo.path / project, environ=environ)
    web = BuildDefinition(str(repo.path / "services/web"), contexts={"shared": str(repo.path / "shared")})
    return image_source(
        repo.read(), [definition or web], settings, [repo.path / "docker-bake.hcl"], environ=repo.environ
    )


@pytest.mark.parametrize(
    ("changed", "dirty"),
    [
        ("services/web/app.py", True),
        ("services/web/new.py", True),
        ("services/web/Dockerfile", True),
        ("services/web/.dockerignore", True),
        ("services/web/keep.md", True),
        ("services/web/README.md", False),
        ("services/web/docs/a.txt", False),
        ("services/api/app.py", False),
        ("services/web-admin/app.py", False),
        ("README.md", False),
        ("shared/lib.py", True),
        ("shared/tests/a.py", False),
        ("docker/web.Dockerfile", False),
        ("docker-bake.hcl", True),
        (".env", True),
        ("invoke.yaml", True),
    ],
)
def test_only_what_the_build_reads_makes_an_image_dirty(monorepo: Repo, changed: str, dirty: bool) -> None:
    monorepo.write(changed, FILES.get(changed, "") + "\n# changed\n")
    state = seen(monorepo)
    assert (state.dirty, state.changed) == (dirty, (changed,) if dirty else ())
    assert monorepo.read().dirty


def test_a_file_that_is_gone_makes_dirty_like_a_changed_one(monorepo: Repo) -> None:
    (monorepo.path / "services/web/app.py").unlink()
    assert seen(monorepo).changed == ("services/web/app.py",)


def test_the_dockerfile_and_its_own_ignore_file_may_lie_elsewhere(monorepo: Repo) -> None:
    definition = BuildDefinition(str(monorepo.path / "services/web"), str(monorepo.path / "docker/web.Dockerfile"))
    monorepo.write("services/web/app.py", "2\n")  # this Dockerfile's ignore file excludes it
    assert not seen(monorepo, definition).dirty
    monorepo.write("docker/web.Dockerfile.dockerignore", "*.txt\n")
    assert seen(monorepo, definition).changed == ("docker/web.Dockerfile.dockerignore", "services/web/app.py")


def test_a_remote_context_reads_nothing_here(monorepo: Repo) -> None:
    monorepo.write("services/web/app.py", "2\n")
    assert not seen(monorepo, BuildDefinition("https://example.com/app.git")).dirty


def test_a_linked_project_folder_is_the_folder(monorepo: Repo, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(monorepo.path)
    monorepo.write("services/web/app.py", "2\n")
    assert seen(monorepo, BuildDefinition(str(link / "services/web"))).dirty
    assert not seen(monorepo, BuildDefinition(str(link / "services/api"))).dirty


def test_a_submodule_counts_where_the_context_carries_it(monorepo: Repo) -> None:
    library = monorepo.clone("library")
    options = ("-c", "protocol.file.allow=always")
    for folder in ("services/web/lib", "vendor/lib"):
        monorepo.git(*options, "submodule", "--quiet", "add", "--", str(library.path), folder)
    monorepo.git("commit", "--quiet", "--message", "Submodules")
    monorepo.write("vendor/lib/services/web/app.py", "2\n")
    assert not seen(monorepo).dirty
    monorepo.write("services/web/lib/new.py", "2\n")
    assert seen(monorepo).changed == ("services/web/lib/",)
    inside = BuildDefinition(str(monorepo.path / "vendor/lib/services/web"))
    assert seen(monorepo, inside).changed == ("vendor/lib/",)


@pytest.mark.parametrize(
    ("patterns", "ignored"),
    [
        ("version.txt", True),
        ("/services/web/version.txt", True),
        ("services/web/*.txt", True),
        ("services/", True),
        ("web/", True),
        ("services/**", True),
        ("**/version.txt", True),
        ("other.txt,version.txt", True),
        ("other.txt\nversion.txt\n", True),
        ("/version.txt", False),
        ("web/version.txt", False),
        ("version", False),
        ("*.txt,!version.txt", False),
    ],
)
def test_files_of_ci_steps_can_be_named(monorepo: Repo, patterns: str, ignored: bool) -> None:
    monorepo.write("services/web/version.txt", "1.2.3\n")
    state = seen(monorepo, ECR_DIRTY_IGNORE=patterns)
    assert state.dirty is not ignored
    assert state.ignored == (("services/web/version.txt",) if ignored else ())


def test_patterns_begin_in_the_project_folder(monorepo: Repo) -> None:
    monorepo.write("services/web/version.txt", "1.2.3\n")
    monorepo.write("shared/version.txt", "1.2.3\n")
    for patterns, changed in {
        "/version.txt": ("shared/version.txt",),
        "../../shared/version.txt": ("services/web/version.txt",),
        "version.txt": (),
    }.items():
        assert seen(monorepo, project="services/web", ECR_DIRTY_IGNORE=patterns).changed == changed


def test_a_changed_file_can_be_named_too_and_others_still_count(monorepo: Repo) -> None:
    monorepo.write("services/web/version.txt", "1.2.3\n")
    monorepo.write("services/web/app.py", "2\n")
    assert seen(monorepo, ECR_DIRTY_IGNORE="version.txt").changed == ("services/web/app.py",)
    assert not seen(monorepo, ECR_DIRTY_IGNORE="version.txt,app.py").dirty


def test_a_malformed_pattern_is_found_in_a_clean_tree_too(monorepo: Repo) -> None:
    with pytest.raises(SettingsError, match="ECR_DIRTY_IGNORE"):
        seen(monorepo, ECR_DIRTY_IGNORE="[a")


def test_nothing_but_the_changes_is_narrowed(monorepo: Repo) -> None:
    assert seen(monorepo) == monorepo.read()
    monorepo.write("services/api/app.py", "2\n")
    whole = monorepo.read()
    assert seen(monorepo) == replace(whole, dirty=False, changed=(), changes=())


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_that_git_was_told_not_to_see_makes_dirty(monorepo: Repo, flag: str) -> None:
    monorepo.git("update-index", flag, "services/web/app.py", "services/web/keep.md", "services/api/app.py")
    assert not monorepo.read().dirty
    clean = monorepo.read().fingerprint
    monorepo.write("services/web/app.py", "2\n")
    assert monorepo.git("status", "--porcelain") == ""
    assert seen(monorepo).changed == ("services/web/app.py",)
    assert monorepo.read().fingerprint != clean


def test_a_mode_and_a_deletion_that_git_was_told_not_to_see_make_dirty(monorepo: Repo) -> None:
    monorepo.git("update-index", "--assume-unchanged", "services/web/app.py", "services/web/keep.md")
    (monorepo.path / "services/web/app.py").chmod(0o755)
    (monorepo.path / "services/web/keep.md").unlink()
    assert set(seen(monorepo).changed) == {"services/web/app.py", "services/web/keep.md"}


def test_line_ends_that_git_converts_are_no_change(monorepo: Repo) -> None:
    monorepo.write(".gitattributes", "*.py text eol=crlf\n")
    monorepo.git("add", "--all")
    monorepo.git("commit", "--quiet", "--message", "Attributes")
    assert seen(monorepo).dirty  # the files are still as they were written before
    monorepo.git("rm", "--cached", "-r", "--quiet", ".")
    monorepo.git("reset", "--quiet", "--hard")
    monorepo.git("update-index", "--assume-unchanged", "services/web/app.py")
    assert (monorepo.path / "services/web/app.py").read_bytes() == b"1\r\n"
    assert not seen(monorepo).dirty


def test_a_context_in_another_repository_counts_with_its_own_changes(monorepo: Repo) -> None:
    other = monorepo.clone("other")
    definition = BuildDefinition(str(monorepo.path / "services/web"), contexts={"shared": "../other/shared"})
    source = seen(monorepo, definition)
    assert (source.dirty, source.outside) == (False, (str((other.path / "shared").resolve()),))
    other.write("services/api/app.py", "2\n")
    other.write("shared/tests/a.py", "2\n")  # .dockerignore excludes it
    assert not seen(monorepo, definition).dirty
    other.write("shared/lib.py", "2\n")
    assert seen(monorepo, definition).changed == ("../other/shared/lib.py",)
    assert not seen(monorepo).outside


def test_a_repository_within_another_one_counts_by_what_a_context_carries_of_it(monorepo: Repo) -> None:
    other = monorepo.clone("other")
    other.write("shared/.dockerignore", "vendor\n!vendor/lib.py\n")
    other.git("commit", "--quiet", "--all", "--message", "Change")
    nested = monorepo.clone("other/shared/vendor")
    nested.write("lib.py")
    definition = BuildDefinition(str(monorepo.path / "services/web"), contexts={"shared": "../other/shared"})
    assert seen(monorepo, definition).changed == ("../other/shared/vendor/",)
    other.write("shared/.dockerignore", "vendor\n")
    other.git("commit", "--quiet", "--all", "--message", "Change")
    assert not seen(monorepo, definition).dirty


@pytest.mark.parametrize("is_link", [False, True])
def test_nothing_is_sent_of_the_folder_that_an_excluded_link_leads_to(tmp_path: Path, is_link: bool) -> None:
    context = tmp_path / "app"
    folder = tmp_path / "elsewhere" if is_link else context / ".git"
    context.mkdir()
    folder.mkdir()
    (folder / "HEAD").touch()
    if is_link:
        (context / ".git").symlink_to(folder)
    ignore = DockerIgnore.parse(b".git\n!.git/HEAD\n", context / ".dockerignore")
    assert Reads(context, [(context, ignore)], ()).carries_git(()) is not is_link


def test_a_context_in_no_repository_is_named(monorepo: Repo, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")
    (monorepo.path / "link").symlink_to(folder)
    for context in (str(folder), str(monorepo.path / "link")):
        source = seen(monorepo, BuildDefinition(context))
        assert source.outside == (str(folder.resolve()),)


def test_a_dockerfile_in_another_repository_counts_with_its_own_changes(monorepo: Repo) -> None:
    other = monorepo.clone("other")
    dockerfile = other.path / "docker/web.Dockerfile"
    definition = BuildDefinition(str(monorepo.path / "services/web"), dockerfile=str(dockerfile))
    source = seen(monorepo, definition)
    assert (source.dirty, source.outside) == (False, (str(dockerfile.resolve()),))
    other.write("shared/lib.py", "2\n")
    assert not seen(monorepo, definition).dirty
    other.write("docker/web.Dockerfile", "FROM other\n")
    assert seen(monorepo, definition).changed == ("../other/docker/web.Dockerfile",)
    both = BuildDefinition(str(other.path), dockerfile=str(dockerfile))
    assert seen(monorepo, both).outside == (str(other.path.resolve()),)
