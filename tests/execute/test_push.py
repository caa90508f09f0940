"""Tests of execute/push with a fake registry: the order of the calls, and a failure at each call."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import Interrupted, Refused, RegistryError
from ecr_tasks.execute.push import publish
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import REVISION, StoredImage
from ecr_tasks.model.registry import Repository, RepositoryView
from tests.support.build import (
    ALL_TAGS,
    BRANCH,
    FIXED,
    HOST,
    LATEST,
    REVISION_A,
    SHA_TAG,
    VERSION,
    dirty,
    repository,
    tags,
)
from tests.support.publishing import MOVING_TAGS, NAME, OLD_IMAGE, OTHER_RUN_IMAGE, VARIANTS, Publisher, all_tags_at


def test_the_fixed_tag_is_pushed_and_checked_before_the_others_are_set() -> None:
    publisher = Publisher(locked=True)
    publisher.registry.tags[NAME].clear()
    published = publisher.run()
    reference = f"{HOST}/{NAME}:{SHA_TAG}"
    log = publisher.calls.log
    assert publisher.calls.named("push") == [("push", reference)]
    after = log[log.index(("push", reference)) + 1 :]
    assert after[0][:3] == ("images", NAME, SHA_TAG)
    assert [call[2] for call in after if call[0] == "set_tag"] == ["1.2.3", "main", "latest"]
    assert publisher.tags == all_tags_at(publisher.built_image.digest)
    assert (published.state, published.digest) == ("pushed", publisher.built_image.digest)
    assert published.reference == f"{HOST}/{NAME}@{publisher.built_image.digest}"
    assert published.tags == (SHA_TAG, "1.2.3", "main", "latest")
    assert publisher.warnings == []


def test_fixed_tags_are_set_before_moving_ones_in_any_order_of_the_rules() -> None:
    fixed, version, branch, latest = ALL_TAGS
    publisher = Publisher(tags=(fixed, branch, latest, version))
    publisher.run()
    assert publisher.calls.tags_set == [SHA_TAG, "1.2.3", "main", "latest"]


def test_the_builder_gives_the_manifest_while_docker_uploads() -> None:
    publisher = Publisher(locked=True)
    publisher.registry.tags[NAME].clear()
    publisher.built = replace(publisher.built, record="default/default/1")
    asked = threading.Event()

    def wait() -> None:
        assert asked.wait(60)

    publisher.calls.before |= {"built_manifest": asked.set, "push": wait}
    assert publisher.run().state == "pushed"
    (call,) = publisher.calls.named("built_manifest")
    assert call == ("built_manifest", publisher.built.digest)


def test_docker_gets_the_registry_token_before_the_push() -> None:
    publisher = Publisher()
    publisher.run()
    names = [call[0] for call in publisher.calls.log]
    assert names.index("authorize") < names.index("push")
    assert [token.host for token in publisher.docker.authorized] == [HOST]


def test_a_push_reserves_a_put_for_each_manifest() -> None:
    publisher = Publisher()
    platforms = ("linux/amd64", "linux/arm64")
    publisher.image = replace(publisher.image, definition=BuildDefinition("/project", platforms=platforms))
    publisher.run()
    assert publisher.registry.reserved == [(NAME, 3)]
    publisher.run()
    assert publisher.registry.reserved == [(NAME, 3)]


def test_a_second_run_makes_no_call() -> None:
    publisher = Publisher()
    first = publisher.run()
    second = publisher.run()
    assert publisher.calls.log == []
    assert (second.state, second.reference) == ("already-published", first.reference)


def test_missing_and_moved_tags_of_a_published_commit_are_set_without_docker() -> None:
    publisher = Publisher(locked=True)
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, SHA_TAG)
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, "main")
    published = publisher.run()
    assert [call for call in publisher.calls.log if "permit" not in call[0]] == [
        ("set_tag", NAME, "1.2.3"),  # which ECR refuses where another run has set it since the plan, just now
        ("set_tag", NAME, "latest"),
    ]
    assert (published.state, published.digest) == ("retagged", OTHER_RUN_IMAGE.digest)
    assert publisher.tags == all_tags_at(OTHER_RUN_IMAGE.digest)


def publish_without_failure(variant: str) -> tuple[Publisher, int]:
    """Publish without a failure; return the publisher and the number of its calls."""
    publisher = Publisher(**VARIANTS[variant])  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:  # also while tests are collected, where no fixture is in force
        patch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 0)
        publisher.run()
    return publisher, len(publisher.calls.log)


EVERY_CALL = [
    pytest.param(variant, position, late, id=f"{variant}, call {position}{', answer lost' if late else ''}")
    for variant in VARIANTS
    for position in range(publish_without_failure(variant)[1])
    for late in (False, True)
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_ends_with_every_tag_on_the_built_image(variant: str) -> None:
    publisher, _ = publish_without_failure(variant)
    assert publisher.tags == all_tags_at(publisher.built_image.digest)


@pytest.mark.parametrize(("variant", "position", "late"), EVERY_CALL)
def test_a_failure_at_any_call_moves_no_tag_too_early_and_a_second_run_finishes(
    variant: str, position: int, late: bool
) -> None:
    expected = publish_without_failure(variant)[0].tags
    publisher = Publisher(**VARIANTS[variant])  # type: ignore[arg-type]
    before = publisher.tags
    with suppress(RegistryError):  # also an answer that is lost, of a tag that is set, or of one that is not removed
        publisher.run(fail_at=position, late=late)
        if "is not removed: The network is gone." in "".join(publisher.warnings):
            for tag in [tag for tag in publisher.tags if tag.startswith("ecr-tasks-upload-")]:
                del publisher.registry.tags[NAME][tag]
        assert publisher.tags == expected
    moved = [tag for tag in MOVING_TAGS if publisher.tags[tag] != before[tag]]
    if moved:
        complete = {publisher.tags.get(SHA_TAG), publisher.tags.get("1.2.3"), *(publisher.tags[tag] for tag in moved)}
        assert complete == {publisher.built_image.digest}
    published = publisher.run()
    assert publisher.tags == expected
    assert published.digest == publisher.built_image.digest


def test_an_error_at_a_moving_tag_names_the_published_digest_and_tag() -> None:
    publisher = Publisher(locked=True)
    publisher.calls.before["set_tag"] = lambda: setattr(publisher.calls, "fail_at", len(publisher.calls.log) - 1)
    with pytest.raises(RegistryError) as error:
        publisher.publish(publisher.plan())
    assert publisher.built_image.digest in error.value.cause
    assert SHA_TAG in error.value.cause
    assert "The network is gone." in error.value.cause


@pytest.mark.parametrize("classic", [False, True])
def test_another_digest_after_the_push_of_a_moving_tag_stops_before_any_other_tag(classic: bool) -> None:
    publisher = Publisher(tags=(BRANCH, LATEST), classic=classic)
    reference = f"{HOST}/{NAME}:main"
    publisher.calls.before["push"] = lambda: publisher.docker.store.update({reference: OTHER_RUN_IMAGE})
    with pytest.raises(RegistryError) as error:
        publisher.run()
    assert OTHER_RUN_IMAGE.digest in error.value.cause
    assert (publisher.built.digest or publisher.built.image_id or "") in error.value.cause
    assert publisher.tags["latest"] == OLD_IMAGE.digest


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("locked", [False, True])
def test_a_name_that_another_run_of_the_engine_has_taken_pushes_nothing_else(classic: bool, locked: bool) -> None:
    """Where ECR locks the tag, docker pushes the usual name, and another run's image of the commit may have it."""
    publisher = Publisher(classic=classic, locked=locked)
    reference = f"{HOST}/{NAME}:{SHA_TAG}"
    publisher.calls.before["push"] = lambda: publisher.docker.store.update({reference: OTHER_RUN_IMAGE})
    published = publisher.run()
    expected = OTHER_RUN_IMAGE if locked else publisher.built_image
    assert published.digest == expected.digest
    assert publisher.tags == all_tags_at(expected.digest)
    assert bool(publisher.warnings) == locked


def test_a_push_after_which_the_tag_is_missing_is_an_error() -> None:
    publisher = Publisher(locked=True)
    publisher.calls.after["push"] = publisher.registry.tags[NAME].clear
    with pytest.raises(RegistryError, match=SHA_TAG):
        publisher.run()
    assert publisher.calls.named("set_tag") == []


TWO = ("linux/amd64", "linux/arm64")
SEVERAL = {
    "two platforms": BuildDefinition("/project", platforms=TWO, annotations={REVISION: REVISION_A}),
    "attestations": BuildDefinition("/project", attest=("type=sbom",), annotations={REVISION: REVISION_A}),
    "both": BuildDefinition("/project", platforms=TWO, attest=("type=sbom",), annotations={REVISION: REVISION_A}),
}


@pytest.mark.parametrize("kind", [None, *SEVERAL])
def test_a_builder_that_makes_another_image_is_an_error_before_any_tag(kind: str | None) -> None:
    publisher = Publisher(keep="builder", definition=SEVERAL.get(kind or ""))
    before = publisher.tags
    publisher.docker.unstable = True
    with pytest.raises(RegistryError) as error:
        publisher.run()
    assert "The builder beside no longer has what was built" in error.value.cause
    assert all(digest in error.value.cause for digest in publisher.built.manifests.values())
    assert "no tag has been set" in error.value.remedy
    assert publisher.tags == before


@pytest.mark.parametrize("kind", SEVERAL)
def test_an_index_of_what_the_builder_keeps_is_tagged_when_the_registry_has_all_of_it(kind: str) -> None:
    publisher = Publisher(keep="builder", definition=SEVERAL[kind])
    published = publisher.run()
    image = published.image
    assert dict(image.children) == publisher.built.manifests
    assert image.manifests == SEVERAL[kind].manifests
    assert image.revision == REVISION_A
    assert publisher.built.digest in (None, published.digest)
    assert publisher.tags == all_tags_at(published.digest)
    assert publisher.warnings == []
    pushes = [item for item in publisher.docker.inputs if item.push]
    assert {item.references for item in pushes} == {(f"{HOST}/{NAME}",)}
    assert publisher.registry.reserved == [(NAME, {"two platforms": 3, "attestations": 4, "both": 7}[kind])]


def test_what_a_builder_pushes_again_is_not_built_anew() -> None:
    extra = {"no-cache": True, "no-cache-filter": ["a"], "pull": True, "shm-size": "1g"}
    linked = {"base": BuildDefinition("/base", extra=extra)}
    definition = replace(SEVERAL["both"], extra=extra, cache_to=("type=gha",), linked=linked)
    publisher = Publisher(keep="builder", definition=definition)
    publisher.run()
    pushes = [item.definition for item in publisher.docker.inputs if item.push]
    assert [(item.extra, item.cache_to) for item in pushes] == [({"shm-size": "1g"}, ())] * 2
    assert [item.linked["base"].extra for item in pushes] == [{"shm-size": "1g"}] * 2


@pytest.mark.parametrize("kind", SEVERAL)
def test_another_runs_image_with_the_same_platforms_gives_no_warning(kind: str) -> None:
    publisher = Publisher(keep="builder", definition=SEVERAL[kind])
    item = publisher.plan()
    publisher.run()
    assert publisher.publish(item).state != "pushed"
    assert publisher.warnings == []


def test_annotations_are_at_their_levels() -> None:
    annotations = {
        "both": "1",
        "index:i": "2",
        "manifest-descriptor[linux/arm64]:d": "3",
        "manifest[linux/arm64]:m": "4",
    }
    publisher = Publisher(keep="builder", definition=replace(SEVERAL["both"], annotations=annotations))
    document = publisher.run().image.document
    assert document["annotations"] == {"both": "1", "i": "2"}
    described = {child["platform"]["architecture"]: child.get("annotations") for child in document["manifests"]}
    assert described == {"amd64": None, "arm64": {"d": "3"}, "unknown": None}
    pushes = {item.definition.platforms: item.definition for item in publisher.docker.inputs if item.push}
    assert pushes["linux/amd64",].annotations == {"manifest:both": "1"}
    assert pushes["linux/arm64",].annotations == {"manifest:both": "1", "manifest:m": "4"}


def test_an_uncommitted_tree_replaces_its_own_tag_and_moves_no_other() -> None:
    state = dirty()
    publisher = Publisher(tags=tags(state), state=state)
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, f"{SHA_TAG}-dirty")
    published = publisher.run()
    assert (published.state, published.tags) == ("pushed", (f"{SHA_TAG}-dirty",))
    assert publisher.tags == {
        **dict.fromkeys(MOVING_TAGS, OLD_IMAGE.digest),
        f"{SHA_TAG}-dirty": publisher.built_image.digest,
    }


def test_a_locked_dirty_tag_is_deleted_before_the_push() -> None:
    state = dirty()
    publisher = Publisher(tags=tags(state), state=state)
    publisher.registry.repositories[NAME] = repository("MUTABLE_WITH_EXCLUSION", "sha-*")
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, f"{SHA_TAG}-dirty")
    assert publisher.run().state == "pushed"
    names = [call[0] for call in publisher.calls.named("untag", "push", "set_tag")]
    assert names == ["untag", "push"]
    assert publisher.tags == {
        **dict.fromkeys(MOVING_TAGS, OLD_IMAGE.digest),
        f"{SHA_TAG}-dirty": publisher.built_image.digest,
    }


def test_a_dirty_tag_that_can_move_is_not_deleted() -> None:
    state = dirty()
    publisher = Publisher(tags=tags(state), state=state)
    publisher.registry.put(NAME, OTHER_RUN_IMAGE, f"{SHA_TAG}-dirty")
    publisher.run()
    assert publisher.calls.named("untag") == []


def test_a_locked_dirty_tag_on_the_same_image_is_not_deleted() -> None:
    state = dirty()
    publisher = Publisher(tags=tags(state), state=state)
    publisher.registry.repositories[NAME] = repository("MUTABLE_WITH_EXCLUSION", "sha-*")
    publisher.registry.put(NAME, publisher.built_image, f"{SHA_TAG}-dirty")
    assert publisher.run().digest == publisher.built_image.digest
    assert publisher.calls.named("untag") == []


def test_a_dirty_tag_that_another_run_set_and_the_registry_locks_is_refused() -> None:
    state = dirty()
    publisher = Publisher(tags=tags(state), state=state, locked=True)
    publisher.calls.before["push"] = lambda: publisher.registry.put(NAME, OTHER_RUN_IMAGE, f"{SHA_TAG}-dirty")
    with pytest.raises(Refused):
        publisher.run()


def test_an_image_without_a_build_is_not_published() -> None:
    publisher = Publisher()
    with pytest.raises(RegistryError, match="inv build push"):
        publish(publisher.plan(), None, publisher.docker, publisher.registry)
    assert publisher.calls.named("push", "set_tag") == []


def test_a_repository_that_no_longer_exists_is_an_error() -> None:
    publisher = Publisher()
    gone = replace(publisher.plan(), view=RepositoryView(None))
    with pytest.raises(RegistryError, match=NAME):
        publish(gone, publisher.built, publisher.docker, publisher.registry)


def test_an_image_with_one_tag_is_published_by_the_push_alone_where_ecr_locks_it() -> None:
    publisher = Publisher(tags=(FIXED,), locked=True)
    assert publisher.run().tags == (SHA_TAG,)
    assert publisher.calls.named("set_tag") == []


def test_an_interruption_ends_the_waits_for_the_other_tags_of_the_only_image() -> None:
    publisher = Publisher(tags=[FIXED, *(replace(VERSION, name=f"1.2.{number}") for number in (3, 4))], locked=True)
    retrier, waiting, ended = Retrier(), threading.Event(), threading.Event()
    set_tag = publisher.registry.set_tag

    def put(repository: Repository, image: StoredImage, tag: str, again: Callable[[], object] = print) -> None:
        if tag == "1.2.3":
            assert waiting.wait(60)
            raise KeyboardInterrupt
        waiting.set()
        try:
            retrier.pause(2.0)
        except Interrupted:
            ended.set()
            raise
        set_tag(repository, image, tag)

    publisher.registry.set_tag = put  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        publish(publisher.plan(), publisher.built, publisher.docker, publisher.registry, retrier=retrier)
    assert ended.is_set()
