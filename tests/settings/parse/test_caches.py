"""Tests of the settings of build caches: buildx's syntax, with each option checked."""

from __future__ import annotations

import pytest

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.caches import caches, caches_to_read, caches_to_write, compression
from tests.support.dotenv_project import Project

GOOD = [
    "registry",
    "type=registry,ref=r.example/c:a,mode=max,image-manifest=true,oci-mediatypes=true,compression=zstd,"
    "compression-level=22,force-compression=1,ignore-error=false,registry.insecure=true",
    "type=local,src=a,dest=a,mode=min,compression=estargz,tag=x,reset=true",
    "type=registry,ref={{image}}",
    "type=registry,ref=localhost:5000/a__b/{{image}}-c:cache-{{image}}",
    f"type=registry,ref=[::1]:5000/c:A_1@sha256:{'a' * 64}",
    "type=inline",
    "type=gha,scope=a,mode=max,timeout=5m30s,version=2,url=https://a,url_v2=https://b,repository=o/r",
    "type=s3,bucket=b,region=r,name=a;b,prefix=p,endpoint_url=https://e,use_path_style=true,upload_parallelism=8,"
    "touch_refresh=12h,retry_mode=adaptive,retry_max_attempts=5",
    "type=azblob,account_url=https://a,container=c,name=n,mode=max,prefix=p",
    'TYPE=registry,"ref=r.example/c:a",MODE=max',
]
BAD = [
    ("on", "off, registry, or buildx's own syntax"),
    ("scope=a", "which has type=…"),
    ("type=ghaa", "a type that BuildKit doesn't have: it has registry, local, inline, gha, s3, azblob"),
    ("type=registry", "a cache (type=registry) without ref=…"),
    ("type=registry,ref=", "ref must be an image's reference"),
    ("type=registry,ref=bad ref", "ref must be an image's reference"),
    ("type=registry,ref={{nope}}/x", "ref must be an image's reference"),
    ("type=registry,ref=https://r.example/c", "ref must be an image's reference"),
    ("type=registry,ref=r.example/Upper", "ref must be an image's reference"),
    ("type=registry,ref=r.example/c:", "ref must be an image's reference"),
    ("type=registry,ref=r/c,mode=maximum", "mode must be min or max"),
    ("type=registry,ref=r/c,compression=brotli", "compression must be uncompressed, gzip, estargz or zstd"),
    ("type=registry,ref=r/c,compression-level=fast", "compression-level must be a number"),
    ("type=registry,ref=r/c,compression-level=23", "the level 23, and zstd has those from 0 to 22"),
    ("type=registry,ref=r/c,compression=gzip,compression-level=10", "the level 10, and gzip has those from 0 to 9"),
    (
        "type=local,src=a,dest=a,compression=uncompressed,compression-level=0",
        "the level 0, and uncompressed has none",
    ),
    ("type=registry,ref=r/c,ignore-error=yes", "ignore-error must be true or false"),
    ("type=registry,ref=r/c,ignore-eror=true", "did you mean ignore-error?"),
    ("type=registry,ref=r/c,max", "isn't OPTION=VALUE"),
    ("type=local,src=a", "a cache (type=local) without dest=…"),
    ("type=local,dest=a", "a cache (type=local) without src=…"),
    ("type=local,src=.,src=..,dest=a", "has the option src twice in its local cache"),
    ("type=registry,ref=r/c,mode=max,MODE=min", "has the option mode twice in its registry cache"),
    ("type=registry,ref=localhost:65536/c", "ref must be an image's reference"),
    ("type=local,src=a,dest=a,digest=abc", "digest must be sha256: and 64 digits"),
    ("type=inline,mode=max", "an option in its inline cache that there isn't"),
    ("type=gha,timeout=10", "timeout must be a time such as 10m"),
    ("type=gha,version=3", "version must be 1 or 2"),
    ("type=gha,compression=zstd", "an option in its gha cache that there isn't"),
    ("type=s3,region=r", "a cache (type=s3) without bucket=…"),
    ("type=s3", "without bucket=… and region=…"),
    ("type=s3,bucket=b,region=r,upload_parallelism=0", "upload_parallelism must be a number from 1"),
    ("type=azblob,containr=c", "did you mean container?"),
]


@pytest.mark.parametrize("text", GOOD)
def test_buildxs_own_options_pass(text: str) -> None:
    assert caches(text) == (text,)


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_wrong_option_is_named(text: str, message: str) -> None:
    with pytest.raises(Malformed) as error:
        caches(text)
    assert message in " ".join(error.value.messages)
    assert len(error.value.messages) == 1


def test_several_caches_stand_on_lines_of_their_own() -> None:
    text = "# ours\nRegistry\ntype=gha,scope=a\n\ntype=gha,scope=a\n"
    assert caches(text) == ("registry", "type=gha,scope=a")
    assert caches("off") == caches_to_read("OFF") == caches_to_write("false") == ()


def test_what_is_read_and_what_is_written_need_different_options() -> None:
    assert caches_to_read("type=local,src=a") == ("type=local,src=a",)
    assert caches_to_write("type=local,dest=a,mode=max") == ("type=local,dest=a,mode=max",)
    for parse, text, message in (
        (caches_to_read, "type=registry,ref=r/c,mode=max", "which only ECR_CACHE_TO can have"),
        (caches_to_write, "type=local,dest=a,src=a", "which only ECR_CACHE_FROM can have"),
        (caches_to_read, "type=inline", "can't read type=inline"),
    ):
        with pytest.raises(Malformed) as error:
            parse(text)
        assert message in error.value.messages[0]


@pytest.mark.parametrize("text", ["type=s3,bucket=b,region=r,access_key_id=hunter2,secret_acess_key=hunter2"])
def test_no_message_has_a_value(text: str) -> None:
    with pytest.raises(Malformed) as error:
        caches(text)
    assert "hunter2" not in "".join(error.value.messages)


def test_compression_may_have_a_level() -> None:
    assert [compression(text) for text in ("zstd", "ZSTD:19", "gzip:0")] == [
        ("zstd", None),
        ("zstd", 19),
        ("gzip", 0),
    ]
    for text in ("brotli", "zstd:", "zstd:fast", "zstd:-1"):
        with pytest.raises(Malformed, match=r"uncompressed, gzip, estargz or zstd, perhaps with a level"):
            compression(text)


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("zstd:23", "from 0 to 22"),
        ("gzip:10", "from 0 to 9"),
        ("estargz:10", "from 0 to 9"),
        ("uncompressed:3", "none"),
    ],
)
def test_a_level_is_one_that_the_compression_has(text: str, which: str) -> None:
    with pytest.raises(Malformed, match=rf"has the level \d+, and \w+ has (those )?{which}"):
        compression(text)


def test_compression_that_no_cache_can_have_is_warned_about(project: Project) -> None:
    def warnings(text: str) -> str:
        project.write(text)
        return " ".join(project.load().warnings)

    assert "compresses nothing" in warnings("ECR_CACHE=type=gha\nECR_CACHE_COMPRESSION=zstd\n")
    assert "compresses nothing" not in warnings("ECR_CACHE=registry\nECR_CACHE_COMPRESSION=zstd\n")
    assert "compresses nothing" in warnings("ECR_CACHE_COMPRESSION=zstd\n")
    assert "compresses nothing" in warnings("ECR_CACHE=registry\nECR_CACHE_TO=off\nECR_CACHE_COMPRESSION=zstd\n")
    assert "compresses nothing" not in warnings("ECR_CACHE_TO=registry\nECR_CACHE_COMPRESSION=zstd\n")
