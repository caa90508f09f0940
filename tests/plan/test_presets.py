"""Which attestations an image gets, in its index or attached, by preset, ECR_ATTEST, generator and bake file."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.artifact import ListedArtifact
from ecr_tasks.model.attestation import IN_TOTO, PREDICATE_TYPE, SPDX
from ecr_tasks.model.finding import Section
from ecr_tasks.model.image import NO_ATTESTATIONS, BuildDefinition
from ecr_tasks.model.ports import Engine
from ecr_tasks.plan.image_store import check_sbom
from ecr_tasks.plan.images import images
from ecr_tasks.plan.presets import Attestations, attestations, referrer_kinds
from ecr_tasks.plan.verification import check_attestations
from ecr_tasks.settings.schema import Preset
from tests.support.build import digest, manifest, settings, source

BOTH = ("type=provenance", "type=sbom")


@pytest.mark.parametrize("preset", ["default", "lambda", "supply-chain"])
def test_referrers_leave_the_image_what_it_is_without_any(preset: Preset) -> None:
    plain, attached = (
        images(settings(preset=name, attest=attest), source(), {})[0]
        for name, attest in (("default", "preset"), (preset, "referrers"))
    )
    assert attached.definition == plain.definition
    assert (plain.referrers, attached.referrers) == ((), BOTH)
    assert attached.referrer_kinds == ("provenance", "sbom")


def test_the_preset_decides_without_the_setting() -> None:
    assert attestations(settings(preset="supply-chain")).in_index == ("type=provenance,mode=max", "type=sbom")
    own = ("type=sbom,generator=a",)
    assert attestations(settings(), own) == Attestations(own)
    assert attestations(settings(preset="lambda"), own) == Attestations(NO_ATTESTATIONS)


@pytest.mark.parametrize(
    ("own", "generator", "expected"),
    [
        ((), "", BOTH),
        ((), "my/scanner:1", ("type=provenance", "type=sbom,generator=my/scanner:1")),
        ((), "none", ("type=provenance",)),
        (("type=sbom,generator=a:1",), "", ("type=provenance", "type=sbom,generator=a:1")),
        (("type=sbom,generator=a:1",), "b:1", ("type=provenance", "type=sbom,generator=b:1")),
        (("type=sbom,disabled=true",), "b:1", ("type=provenance",)),
        (("type=provenance,disabled=true",), "", ("type=sbom",)),
        (("type=provenance,mode=max",), "", BOTH),
    ],
)
def test_the_files_and_the_settings_generator(
    own: tuple[str, ...], generator: str, expected: tuple[str, ...]
) -> None:
    found = attestations(settings(attest="referrers", sbom_generator=generator), own)
    assert found == Attestations(NO_ATTESTATIONS, expected)


def test_the_generator_also_makes_the_sbom_in_an_index() -> None:
    chain = settings(preset="supply-chain", sbom_generator="my:1")
    assert attestations(chain).in_index == ("type=provenance,mode=max", "type=sbom,generator=my:1")
    none = settings(preset="supply-chain", sbom_generator="none")
    assert attestations(none).in_index == ("type=provenance,mode=max",)


def test_a_bake_files_targets_have_their_own() -> None:
    targets = {
        name: BuildDefinition(".", attest=attest) for name, attest in (("a", ()), ("b", ("type=sbom,disabled=true",)))
    }
    planned = images(settings(attest="referrers", repository=None, repository_prefix="t/"), source(), {}, targets)
    assert [image.referrers for image in planned] == [BOTH, ("type=provenance",)]
    assert not any(image.definition.attests for image in planned)


def test_only_the_classic_stores_own_builder_makes_no_sbom() -> None:
    (image,) = images(settings(attest="referrers"), source(), {})
    check_sbom(image, Engine(True, "linux/amd64", "default", "docker"))
    check_sbom(image, Engine(False, "linux/amd64", "mine", "docker-container"))
    with pytest.raises(BuildError, match="makes no SBOM"):
        check_sbom(image, Engine(False, "linux/amd64", "default", "docker"))
    (without,) = images(settings(attest="referrers", sbom_generator="none"), source(), {})
    check_sbom(without, Engine(False, "linux/amd64", "default", "docker"))


def test_verify_misses_what_should_be_attached() -> None:
    section, image = Section("team/app"), manifest("app")
    provenance = ListedArtifact(digest("p"), IN_TOTO, 1, {PREDICATE_TYPE: "https://slsa.dev/provenance/v1"})
    sbom = ListedArtifact(digest("s"), SPDX, 1)
    kinds = referrer_kinds(settings(attest="referrers"))
    for there, words in (([], "provenance and SBOM"), ([sbom], "provenance not"), ([provenance], "SBOM not")):
        finding = check_attestations(section, image, "default", there, kinds)
        assert words in f"{finding}"
    fine = check_attestations(section, image, "lambda", [sbom, provenance], kinds)
    assert "1 provenance beside it" in f"{fine}"
    assert referrer_kinds(settings(preset="supply-chain")) == ()


@pytest.mark.parametrize(("disabled", "left"), [("sbom", ("provenance",)), ("provenance", ("sbom",))])
def test_verify_does_not_miss_what_a_bake_file_disables(disabled: str, left: tuple[str, ...]) -> None:
    own = (f"type={disabled},disabled=true",)
    assert referrer_kinds(settings(attest="referrers"), own) == left
    assert referrer_kinds(settings(attest="referrers"), ()) == ("provenance", "sbom")
