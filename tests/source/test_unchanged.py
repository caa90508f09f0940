"""Tests of what git proves of an image's inputs since another commit."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.bases_lock import NAME, lock_text
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.image_source import image_source
from ecr_tasks.source.unchanged import Unchanged
from tests.support.build import settings as build_settings
from tests.support.repo import Repo


@pytest.fixture
def first(repo: Repo) -> str:
    repo.commit("app/Dockerfile", "FROM scratch\nCOPY . /\n")
    repo.commit("app/.dockerignore", "docs\n")
    repo.commit(".gitignore", "dist\n")
    return repo.commit("app/main.py")


def library(path: Path, repo: Repo) -> Repo:
    """Return a new repository with a Dockerfile."""
    path.mkdir()
    made = Repo(path, repo.environ)
    made.git("init", "--quiet")
    made.commit("Dockerfile", "FROM scratch\n")
    return made


def add_submodule(repo: Repo, other: Repo, name: str) -> str:
    """Commit another repository as a submodule, and return the commit."""
    allowed = ("-c", "protocol.file.allow=always")
    repo.git(*allowed, "submodule", "--quiet", "add", str(other.path), name)
    repo.git(*allowed, "submodule", "--quiet", "update", "--init", "--recursive")
    repo.git("commit", "--quiet", "--message", name)
    return repo.git("rev-parse", "HEAD")


def unchanged(repo: Repo) -> Unchanged:
    return Unchanged(repo.read(), repo.path, repo.environ, lambda: "linux/amd64")


def difference(repo: Repo, commit: str, **changes: object) -> str | None:
    definition = replace(BuildDefinition(context=str(repo.path / "app")), **changes)  # type: ignore[arg-type]
    return unchanged(repo).difference(definition, commit)


def uncommitted(repo: Repo, definition: BuildDefinition | None = None) -> tuple[str, ...]:
    """Return the uncommitted changes that make an image dirty."""
    definition = definition or BuildDefinition(context=str(repo.path / "app"))
    return image_source(repo.read(), [definition], build_settings(project=repo.path), environ=repo.environ).changed


def test_a_commit_beside_the_context_changes_nothing(repo: Repo, first: str) -> None:
    assert difference(repo, first) is None
    repo.commit("other/main.py")
    repo.commit("app/docs/guide.md")  # which .dockerignore keeps out
    assert difference(repo, first) is None
    assert difference(repo, first[:7]) is None


@pytest.mark.parametrize("name", ["app/main.py", "app/new", "app/Dockerfile", "app/.dockerignore", "ecr-bases.lock"])
def test_a_change_of_what_the_build_reads_is_named(repo: Repo, first: str, name: str) -> None:
    repo.commit(name, "changed\n")
    assert difference(repo, first) == f"{name} changed since {first[:12]}"


def test_dockerfiles_ignore_files_of_their_own_count_beside_the_context(repo: Repo, first: str) -> None:
    first = repo.commit("docker/app.Dockerfile", "FROM scratch\n")
    dockerfile = str(repo.path / "docker/app.Dockerfile")
    assert difference(repo, first, dockerfile=dockerfile) is None
    repo.commit("docker/app.Dockerfile.dockerignore", "*\n")
    assert "app.Dockerfile.dockerignore changed" in str(difference(repo, first, dockerfile=dockerfile))


def test_a_dockerfile_s_path_is_a_text_as_buildx_takes_it(repo: Repo, first: str) -> None:
    """``link/..`` is the folder of the link, and not that of what it leads to."""
    repo.write("app/deep/down/hello")
    repo.write("app/deep/Second", "FROM scratch\nLABEL a=read-by-nobody\n")
    (repo.path / "app/link").symlink_to("deep/down")
    repo.commit("app/.dockerignore", "*\n")
    first = repo.commit("app/Second", "FROM scratch\n")
    definition = BuildDefinition(context=str(repo.path / "app"), dockerfile="link/../Second")
    assert read_dockerfile(definition) == (b"FROM scratch\n", repo.path / "app/Second")
    repo.commit("app/Second", "FROM scratch\nLABEL a=b\n")
    assert difference(repo, first, dockerfile="link/../Second") == f"app/Second changed since {first[:12]}"


def test_a_commit_that_another_one_replaces_is_what_a_clone_has(repo: Repo, first: str) -> None:
    repo.commit("app/main.py", "changed\n")
    repo.git("replace", "HEAD", first)
    repo.git("reset", "--quiet", "--hard")
    assert uncommitted(repo) == ("app/main.py",)
    assert difference(repo, first) == "app/main.py is not committed"


def test_a_name_that_is_no_text_is_shown_by_its_bytes(repo: Repo, first: str) -> None:
    repo.commit(os.fsdecode(b"app/\xff"))
    assert difference(repo, first) == rf"app/\xff changed since {first[:12]}"


def test_a_linked_target_counts(repo: Repo, first: str) -> None:
    linked = BuildDefinition(context=str(repo.path / "base"))
    first = repo.commit("base/Dockerfile", "FROM scratch\n")
    repo.commit("base/Dockerfile", "FROM scratch AS other\n")
    assert difference(repo, first) is None
    assert "base/Dockerfile changed" in str(difference(repo, first, linked={"base": linked}))


def test_a_change_that_was_taken_back_is_none(repo: Repo, first: str) -> None:
    repo.commit("app/main.py", "changed\n")
    repo.commit("app/main.py")
    assert difference(repo, first) is None


def test_what_git_ignores_and_the_context_carries_proves_nothing(repo: Repo, first: str) -> None:
    repo.write("dist/outside")
    assert difference(repo, first) is None
    repo.write("app/dist/made.js")
    assert difference(repo, first) == "its context carries app/dist/, which git ignores"
    repo.commit("app/.dockerignore", "docs\ndist\n")
    assert difference(repo, repo.git("rev-parse", "HEAD")) is None


def test_a_build_that_reads_what_git_ignores_is_known(repo: Repo, first: str) -> None:
    def carries(**changes: object) -> bool:
        definition = replace(BuildDefinition(context=str(repo.path / "app")), **changes)  # type: ignore[arg-type]
        return unchanged(repo).carries_ignored(definition)

    linked = {"base": BuildDefinition(context=str(repo.path / "base"))}
    repo.commit("base/Dockerfile", "FROM scratch\n")
    assert not carries()
    repo.write("base/dist/made.js")
    assert not carries()
    assert carries(linked=linked)
    repo.write("app/dist/made.js")
    assert carries()
    repo.commit("app/.dockerignore", "docs\ndist\n")
    assert not carries()


def test_a_dockerfile_in_a_folder_that_git_ignores_proves_nothing(repo: Repo, first: str) -> None:
    """git reports the folder alone."""
    dockerfile = str(repo.path / "dist/Dockerfile")
    repo.write("dist/Dockerfile", "FROM scratch\n")
    assert difference(repo, first, dockerfile=dockerfile) == "its context carries dist/, which git ignores"


def test_what_is_in_this_folder_alone_does_not_tell_commits_apart(repo: Repo, first: str) -> None:
    definition = BuildDefinition(context=str(repo.path / "app"))
    repo.write("app/dist/made.js")
    repo.commit("other/main.py")
    compared = unchanged(repo)
    assert compared.difference(definition, first) is not None
    assert compared.difference(definition, first, of_commits=True) is None
    repo.commit("app/main.py", "changed\n")
    compared = unchanged(repo)
    assert "app/main.py changed" in str(compared.difference(definition, first, of_commits=True))


def test_a_dockerfile_in_a_submodule_counts(repo: Repo, first: str, tmp_path: Path) -> None:
    """git reports the submodule alone."""
    first = add_submodule(repo, library(tmp_path / "library", repo), "docker")
    dockerfile = repo.path / "docker" / "Dockerfile"
    assert difference(repo, first, dockerfile=str(dockerfile)) is None
    inner = Repo(repo.path / "docker", repo.environ)
    inner.commit("Dockerfile", "FROM scratch AS other\n")
    definition = BuildDefinition(context=str(repo.path / "app"), dockerfile=str(dockerfile))
    assert uncommitted(repo, definition) == ("docker/",)
    repo.git("commit", "--quiet", "--all", "--message", "other")
    assert difference(repo, first, dockerfile=str(dockerfile)) == f"docker/ changed since {first[:12]}"


def test_a_context_that_is_a_link_counts_also_where_nothing_else_leads_through_it(repo: Repo, first: str) -> None:
    repo.write("v1/a")
    repo.write("v2/a", "other\n")
    (repo.path / "here").symlink_to("v1")
    repo.write("docker/Dockerfile", "FROM scratch\n")
    repo.git("add", "--all")
    first = repo.commit("docker/Dockerfile.dockerignore", "docs\n")
    (repo.path / "here").unlink()
    (repo.path / "here").symlink_to("v2")
    repo.git("commit", "--quiet", "--all", "--message", "v2")
    found = difference(repo, first, context=str(repo.path / "here"), dockerfile=str(repo.path / "docker/Dockerfile"))
    assert found == f"here changed since {first[:12]}"


@pytest.mark.parametrize("changes", ["dockerfile", "context", "named context"])
def test_every_link_on_the_way_counts(repo: Repo, first: str, changes: str) -> None:
    """Not only the one that is written, and the file that all lead to."""
    for version in ("v1", "v2"):
        repo.write(f"all/{version}/Dockerfile", f"FROM scratch AS {version}\n")
    (repo.path / "all/current").symlink_to("v1")
    (repo.path / "here").symlink_to("all/current")
    repo.git("add", "--all")
    first = repo.commit("README")
    (repo.path / "all/current").unlink()
    (repo.path / "all/current").symlink_to("v2")
    definition = BuildDefinition(context=str(repo.path / "app"))
    if changes == "dockerfile":
        definition = replace(definition, dockerfile=str(repo.path / "here/Dockerfile"))
    elif changes == "context":
        definition = BuildDefinition(context=str(repo.path / "here"))
    elif changes == "named context":
        definition = replace(definition, contexts={"more": str(repo.path / "here")})
    assert uncommitted(repo, definition) == ("all/current",)
    repo.git("commit", "--quiet", "--all", "--message", "v2")
    found = unchanged(repo).difference(definition, first)
    assert found == f"all/current changed since {first[:12]}"


def test_a_submodule_that_is_gone_counts_where_a_part_of_it_was_carried(
    repo: Repo, first: str, tmp_path: Path
) -> None:
    repo.commit("app/.dockerignore", "*\n!library/keep.txt\n")
    first = add_submodule(repo, library(tmp_path / "library", repo), "app/library")
    repo.git("rm", "--quiet", "--force", "app/library")
    assert uncommitted(repo) == ("app/library/",)
    repo.git("commit", "--quiet", "--message", "gone")
    assert difference(repo, first) == f"app/library/ changed since {first[:12]}"


def test_the_dockerfile_that_docker_took_before_counts(repo: Repo, first: str) -> None:
    """Without one docker takes ``dockerfile``, which had been there."""
    repo.commit("app/.dockerignore", "Dockerfile\ndockerfile\n")
    first = repo.commit("app/dockerfile", "FROM scratch AS other\n")
    repo.git("rm", "--quiet", "app/Dockerfile")
    assert uncommitted(repo) == ("app/Dockerfile",)
    repo.git("commit", "--quiet", "--message", "gone")
    assert difference(repo, first) == f"app/Dockerfile changed since {first[:12]}"


def test_an_ignore_file_that_a_sparse_checkout_leaves_out_proves_nothing(repo: Repo, first: str) -> None:
    """With it, something else would be carried."""
    repo.commit("app/.dockerignore", "src\n")
    first = repo.commit("app/Dockerfile.dockerignore", "docs\n")
    repo.commit("app/src/main.py")
    repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/app/Dockerfile.dockerignore", "!/app/main.py")
    assert difference(repo, first) == "app/Dockerfile.dockerignore is not in this sparse checkout"


def test_what_ecr_dirty_ignore_names_is_no_other_commit_s(repo: Repo, first: str) -> None:
    definition = BuildDefinition(context=str(repo.path / "app"))
    repo.write("app/version.txt", "1\n")
    compared = unchanged(repo)
    assert compared.carries_ignored(definition, changes=True)
    assert not compared.carries_ignored(definition)


@pytest.mark.parametrize("place", ["app/library", "app/library/inner"])
def test_what_a_submodule_ignores_counts(repo: Repo, first: str, tmp_path: Path, place: str) -> None:
    """The status of the repository around it doesn't have it."""
    outer, inner = library(tmp_path / "library", repo), library(tmp_path / "inner", repo)
    for made in (outer, inner):
        made.commit(".gitignore", "*.so\n")
    add_submodule(outer, inner, "inner")
    add_submodule(repo, outer, "docs")
    first = add_submodule(repo, outer, "app/library")
    definition = BuildDefinition(context=str(repo.path / "app"))

    def compared() -> Unchanged:
        return unchanged(repo)

    repo.write("docs/made.so")
    assert compared().difference(definition, first) is None
    assert not compared().carries_ignored(definition)
    repo.write(f"{place}/made.so")
    assert compared().difference(definition, first) == f"its context carries {place}/made.so, which git ignores"
    assert compared().carries_ignored(definition)
    shutil.rmtree(repo.path / "app/library")  # not checked out, it has none
    (repo.path / "app/library").mkdir()
    assert not compared().carries_ignored(definition)


@pytest.mark.parametrize("place", ["", "app/", "app/src/"])
def test_how_git_writes_the_files_counts(repo: Repo, first: str, place: str) -> None:
    """Their bytes may be others in a new clone: with another line ending, say."""
    repo.commit("other/.gitattributes", "*.txt text eol=crlf\n")
    repo.commit("app/docs/.gitattributes", "*.txt text eol=crlf\n")  # which .dockerignore keeps out
    assert difference(repo, first) is None
    repo.commit(f"{place}.gitattributes", "*.txt text eol=crlf\n")
    assert difference(repo, first) == f"{place}.gitattributes changed since {first[:12]}"


@pytest.mark.parametrize(
    ("other", "mine", "same"), [("b", "a", True), (None, "a", True), ("a", "b", False), ("a", None, False)]
)
def test_a_lock_counts_with_the_base_images_of_the_build(
    repo: Repo, other: str | None, mine: str | None, same: bool
) -> None:
    """Of a hundred images on ten bases, those are built anew whose own base has moved."""

    def lock(**digests: str | None) -> str:
        full = {
            f"host.example/{name}:1": f"sha256:{digest * 64}" if digest else None for name, digest in digests.items()
        }
        return repo.commit(NAME, lock_text(full))

    repo.commit("app/Dockerfile", "FROM host.example/mine:1\nCOPY . /\n")
    repo.commit("base/Dockerfile", "FROM scratch\n")
    repo.commit("top/Dockerfile", "FROM base\n")
    repo.commit("unknown/Dockerfile", "ARG BASE\nFROM $BASE\n")
    first = lock(mine="a", other="a")
    lock(mine=mine, other=other, third="c")
    reason = f"{NAME} changed since {first[:12]}"
    assert difference(repo, first) == (None if same else reason)
    assert difference(repo, first, context=str(repo.path / "base")) is None
    assert difference(repo, first, context=str(repo.path / "unknown")) == reason
    app = BuildDefinition(str(repo.path / "app"))
    top = {"context": str(repo.path / "top"), "contexts": {"base": "target:app"}, "linked": {"app": app}}
    assert difference(repo, first, **top) == (None if same else reason)


def test_a_lock_that_a_context_carries_is_a_file_like_others(repo: Repo) -> None:
    repo.commit("app/Dockerfile", "FROM scratch\nCOPY . /\n")
    first = repo.commit(NAME, lock_text({"other": f"sha256:{'a' * 64}"}))
    repo.commit(NAME, lock_text({"other": f"sha256:{'b' * 64}"}))
    whole = {"context": str(repo.path), "dockerfile": "app/Dockerfile"}
    assert difference(repo, first) is None
    assert difference(repo, first, **whole) == f"{NAME} changed since {first[:12]}"


def test_a_lock_that_was_not_there_or_is_none_changes_every_image(repo: Repo, first: str) -> None:
    second = repo.commit(NAME, lock_text({"other": f"sha256:{'a' * 64}"}))
    assert difference(repo, first) == f"{NAME} changed since {first[:12]}"
    repo.commit(NAME, "{}")
    assert difference(repo, second) == f"{NAME} changed since {second[:12]}"


def test_policies_of_sources_count(repo: Repo, first: str) -> None:
    repo.commit("app/.dockerignore", "docs\n*.rego\n")
    second = repo.commit("policy.json", "{}\n")
    policed = Repo(repo.path, {**repo.environ, "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": "policy.json"})
    assert difference(repo, second) is None
    assert difference(policed, second) == "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY may give it other sources"
    repo.write("policy.json", "[]\n")
    assert (uncommitted(repo), uncommitted(policed)) == ((), ("policy.json",))
    repo.commit("app/Dockerfile.rego", "package docker\n")
    assert difference(repo, second) == f"app/Dockerfile.rego changed since {second[:12]}"


def test_uncommitted_attributes_are_a_change_of_what_git_writes_by_them(repo: Repo, first: str) -> None:
    repo.write("other/.gitattributes", "*.txt text eol=crlf\n")
    repo.write("app/docs/.gitattributes", "*.txt text eol=crlf\n")  # which .dockerignore keeps out
    assert (uncommitted(repo), difference(repo, first)) == ((), None)
    repo.write(".gitattributes", "*.txt text eol=crlf\n")
    assert uncommitted(repo) == (".gitattributes",)
    assert difference(repo, first) == ".gitattributes is not committed"


@pytest.mark.parametrize(
    ("value", "proved"),
    [("filter=rev", False), ("filter=my.filtér", False), ("filter", False), ("-filter", True), ("!filter", True)]
    + [(f"filter={name}", True) for name in ("lfs", "annex", "git-crypt-key", "crypt")],
)
def test_what_a_filter_writes_is_not_known_from_the_commit(repo: Repo, first: str, value: str, proved: bool) -> None:
    """Whether or not this clone has the filter: the one that published need not be like it."""
    repo.commit("docs/a.txt", "1\n")
    second = repo.commit(".gitattributes", f"*.txt {value}\n")
    assert difference(repo, second) is None  # no context carries it
    third = repo.commit("app/version.txt", "1\n")
    reason = "a filter writes app/version.txt, from the commit and maybe more"
    assert difference(repo, third) == (None if proved else reason)


def test_a_filter_in_a_submodule_counts(repo: Repo, first: str, tmp_path: Path) -> None:
    other = library(tmp_path / "other", repo)
    other.commit(".gitattributes", "*.txt filter=rev\n")
    other.commit("a.txt", "1\n")
    second = add_submodule(repo, other, "app/library")
    assert difference(repo, second) == "a filter writes app/library/a.txt, from the commit and maybe more"


def test_ignored_attributes_mark_an_image_like_ignored_files(repo: Repo, first: str) -> None:
    repo.write(".gitattributes", "*.py text eol=crlf\n")
    definition = BuildDefinition(context=str(repo.path / "app"))
    assert unchanged(repo).carries_ignored(definition, changes=True)
    assert not unchanged(repo).carries_ignored(definition)


def test_a_folder_is_compared_whose_name_looks_like_an_address(repo: Repo, first: str) -> None:
    repo.commit("v1:data/f", "1\n")
    second = repo.commit("app/github.com/Dockerfile", "FROM scratch\n")
    repo.commit("app/.dockerignore", "github.com\n")
    third = repo.commit("v1:data/f", "2\n")
    contexts = {"data": "v1:data"}
    assert difference(repo, second, contexts=contexts) == "app/.dockerignore, v1:data/f changed since " + second[:12]
    assert difference(repo, third, contexts=contexts) is None
    repo.write("v1:data/f", "3\n")
    repo.write("app/github.com/Dockerfile", "FROM other\n")
    definition = BuildDefinition(str(repo.path / "app"), dockerfile="github.com/Dockerfile", contexts=contexts)
    assert uncommitted(repo, definition) == ("app/github.com/Dockerfile", "v1:data/f")


@pytest.mark.parametrize(("rules", "carried"), [("!.git/HEAD", True), ("!README*.md", False)])
def test_an_exception_may_let_git_s_own_folder_in(repo: Repo, first: str, rules: str, carried: bool) -> None:
    first = repo.commit(".dockerignore", f".git\n{rules}\n")
    found = difference(repo, first, context=str(repo.path), dockerfile="app/Dockerfile")
    assert (found == "its context carries .git, which every commit changes") == carried


def test_a_wild_exception_lets_nothing_in_that_it_does_not_match(repo: Repo, first: str) -> None:
    """BuildKit enters each ignored folder then, and finds nothing there."""
    first = repo.commit("app/.dockerignore", "dist\n.ecr-tasks\n*.md\n!**/README*.md\n")
    repo.write("app/dist/made.js")
    repo.write("app/.ecr-tasks/receipt.json")
    assert difference(repo, first) is None
    repo.write("app/dist/README.md")
    assert difference(repo, first) == "its context carries app/dist/, which git ignores"


def test_an_empty_folder_that_an_exception_lets_in_is_sent(repo: Repo, first: str) -> None:
    first = repo.commit("app/.dockerignore", "*\n!main.py\n!dist/keep\n")
    repo.write("app/dist/other")
    assert difference(repo, first) is None
    (repo.path / "app/dist/keep").mkdir()
    assert difference(repo, first) == "its context carries app/dist/, which git ignores"


def test_our_own_folder_is_no_reason(repo: Repo, first: str) -> None:
    first = repo.commit(".gitignore", ".ecr-tasks\n")
    repo.write("app/.ecr-tasks/receipt.json")
    assert difference(repo, first) is None


def test_a_submodule_with_a_git_folder_of_its_own_differs_at_every_commit(
    repo: Repo, first: str, tmp_path: Path
) -> None:
    other = library(tmp_path / "library", repo)
    repo.git("clone", "--quiet", str(other.path), "app/library")
    first = add_submodule(repo, other, "app/library")
    assert difference(repo, first) == "its context carries .git, which every commit changes"
    repo.commit("app/.dockerignore", "**/.git\n")
    assert difference(repo, repo.git("rev-parse", "HEAD")) is None


@pytest.mark.parametrize("name", ["Dockerfile", "dockerfile"])
def test_a_dockerfile_s_own_ignore_file_that_is_gone_counts(repo: Repo, first: str, name: str) -> None:
    repo.git("mv", "app/Dockerfile", f"app/{name}") if name != "Dockerfile" else None
    repo.commit("app/.dockerignore", "*ockerfile*\n.dockerignore\n")
    first = repo.commit(f"app/{name}.dockerignore", "docs\n")
    repo.git("rm", "--quiet", f"app/{name}.dockerignore")
    repo.git("commit", "--quiet", "--message", "gone")
    assert difference(repo, first) == f"app/{name}.dockerignore changed since {first[:12]}"


def test_an_ignore_file_is_followed_as_if_the_context_were_the_root(repo: Repo, first: str) -> None:
    repo.write("app/rules", "*\n!main.py\n")
    (repo.path / "app/.dockerignore").unlink()
    (repo.path / "app/.dockerignore").symlink_to("/rules")
    repo.git("add", "--all")
    first = repo.commit("README")
    repo.commit("app/rules", "*\n!other.py\n")
    assert difference(repo, first) == f"app/rules changed since {first[:12]}"


def test_a_context_with_git_s_own_folder_differs_at_every_commit(repo: Repo, first: str) -> None:
    whole = str(repo.path)
    assert "carries .git" in str(difference(repo, first, context=whole, dockerfile="app/Dockerfile"))
    head = repo.commit(".dockerignore", ".git\n")
    assert difference(repo, head, context=whole, dockerfile="app/Dockerfile") is None


@pytest.mark.parametrize("context", ["https://example.com/app.git", "/elsewhere"])
def test_what_is_not_in_the_repository_proves_nothing(repo: Repo, first: str, context: str) -> None:
    assert difference(repo, first, contexts={"more": context})


def test_a_commit_that_the_clone_lacks_proves_nothing(repo: Repo, first: str) -> None:
    repo.commit("other/main.py")
    shallow = repo.clone("shallow", "--depth=1")
    assert difference(shallow, first) == f"this clone doesn't have the commit {first[:12]} that is published"
    assert "doesn't have" in str(difference(repo, "main"))


def test_an_uncommitted_change_proves_nothing(repo: Repo, first: str) -> None:
    repo.write("other/main.py", "changed\n")
    assert difference(repo, first) is None
    repo.write("app/main.py", "changed\n")
    assert difference(repo, first) == "app/main.py is not committed"
