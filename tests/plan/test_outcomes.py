"""Tests of plan/outcomes: the one error of a run in which images failed."""

from __future__ import annotations

from ecr_tasks.errors import BuildError, EcrTasksError, ExitCode, Refused
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import FailedCopy, ImageReceipt, Published, Receipt, Source
from ecr_tasks.plan.outcomes import MOST, failure

SOURCE = Source(None, False, None, None, None, None)
DIGEST = "sha256:" + "a" * 64
BROKEN = BuildError("Its step fails.", "Mend the step.")
LOCKED = Refused("Its tag is locked.", "Choose another tag.")


def image(name: str, error: EcrTasksError | None = None, *, published: bool = False) -> ImageReceipt:
    here = Published(name, "host", name, DIGEST, ("main",), "pushed", StoredImage(DIGEST, "", ""))
    return ImageReceipt(name, name, ("main",), "", error=error, published=(here,) if published else ())


def receipt(*images: ImageReceipt) -> Receipt:
    return Receipt(SOURCE, images)


def test_nothing_failed() -> None:
    assert failure(receipt(image("api", published=True), image("web", published=True))) is None


def test_the_only_images_error_is_its_own() -> None:
    assert failure(receipt(image("api", BROKEN))) is BROKEN


def test_the_failed_images_are_named_with_their_causes() -> None:
    error = failure(receipt(image("api", published=True), image("web", LOCKED), image("worker", BROKEN)))
    assert error is not None
    assert error.cause.split("\n") == [
        "2 of 3 images failed (1 is published):",
        "  web: Its tag is locked.",
        "  worker: Its step fails.",
    ]
    assert error.remedy == "Choose another tag. Mend the step. A second run does only what is missing."
    assert error.code is ExitCode.REGISTRY  # the causes differ


def test_one_cause_is_said_once_and_many_are_counted() -> None:
    same = failure(receipt(*(image(f"app-{number}", BROKEN) for number in range(5))))
    assert same is not None
    assert same.code is ExitCode.BUILD
    assert same.cause.split("\n")[1:] == ["  app-0, app-1, app-2 and 2 more: Its step fails."]
    causes = [BuildError(f"Step {number} fails.", "Mend it.") for number in range(MOST + 3)]
    many = failure(receipt(*(image(f"app-{number}", error) for number, error in enumerate(causes))))
    assert many is not None
    assert len(many.cause.split("\n")) == MOST + 2
    assert many.cause.endswith("and 3 more, which the receipt has")


def test_images_that_were_not_begun_and_destinations_are_told_too() -> None:
    copied = image("api", published=True)
    copied = ImageReceipt(
        **{**vars(copied), "failed": (FailedCopy("111122223333/eu-west-1/api", LOCKED),)},
    )
    error = failure(receipt(copied, image("web", BROKEN), image("worker")))
    assert error is not None
    assert error.cause.split("\n") == [
        "1 of 3 images failed (1 is published, 1 is not done):",
        "  web: Its step fails.",
        "  not in 111122223333/eu-west-1/api: Its tag is locked.",
    ]


def test_the_receipt_says_what_became_of_each_image() -> None:
    images = receipt(image("api", published=True), image("web", BROKEN), image("worker")).as_json()["images"]
    assert [(item["name"], item["outcome"]) for item in images] == [
        ("api", "published"),
        ("web", "failed"),
        ("worker", "not-begun"),
    ]
    assert images[1]["error"] == {"cause": "Its step fails.", "remedy": "Mend the step.", "exit_code": 3}
    assert images[0]["error"] is None
