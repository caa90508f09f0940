"""The table of all settings: each row defines one setting.

To add a setting, add a row: the field's name and type, the variable with an example, the parser of its text, the
explanation in `.env.example` and `settings`. The field's name is also its key ``ecr.NAME`` in Invoke's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.mirror import Mirror
from ecr_tasks.model.severity import LEVELS, Level
from ecr_tasks.settings.parse import build_options, caches, lists, registry, signing, values
from ecr_tasks.settings.parse.destinations import destinations as parse_destinations
from ecr_tasks.settings.parse.image_reference import image
from ecr_tasks.settings.parse.mirrors import mirrors as parse_mirrors
from ecr_tasks.settings.parse.registry_logins import registry_logins as parse_registry_logins
from ecr_tasks.settings.parse.repository_map import repository_map as parse_repository_map
from ecr_tasks.settings.setting import Setting, setting

if TYPE_CHECKING:
    from ecr_tasks.model.signing import Signer, SignWith


Preset = Literal["default", "lambda", "supply-chain"]
Attest = Literal["preset", "referrers"]
Dirty = Literal["tag", "refuse"]
Client = Literal["docker", "podman", "finch", "nerdctl"]
Emulation = Literal["off", "install"]
Skip = Literal["commit", "content", "never"]


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Schema:
    """The settings as typed fields, in the order and under the headings of `.env.example`."""

    region: str | None = setting(
        "AWS_REGION=eu-central-1",
        registry.region,
        "The registry's region. Without it, the region of the profile.",
        unset="the profile's",
        heading="Which registry",
    )
    aws_default_region: str | None = setting(
        "AWS_DEFAULT_REGION=eu-central-1",
        registry.region,
        "Another name for AWS_REGION, which wins where both stand in one place.",
        unset="the profile's",
    )
    account_id: str | None = setting(
        "AWS_ACCOUNT_ID=123456789012",
        registry.account_id,
        "The registry's account, 12 digits. With it set, credentials of another account are refused before anything"
        " is built. Without it, the account of the credentials.",
        unset="the caller's",
    )
    aws_profile: str | None = setting(
        "AWS_PROFILE=team-dev",
        values.text,
        "A profile of ~/.aws/config, also for SSO.",
        heading="Credentials: anything that the AWS SDKs read",
    )
    aws_access_key_id: str | None = setting(
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
        values.text,
        "An access key. Keep this file out of git and out of the image when you set one.",
        display="last-four",
    )
    aws_secret_access_key: str | None = setting(
        "AWS_SECRET_ACCESS_KEY=...", values.text, "The access key's secret.", display="hidden"
    )
    aws_session_token: str | None = setting(
        "AWS_SESSION_TOKEN=...", values.text, "The session's token, with temporary keys.", display="hidden"
    )
    role_arn: str | None = setting(
        "ECR_ROLE_ARN=arn:aws:iam::123456789012:role/push",
        registry.role_arn,
        "A role to assume; by web identity where the CI system hands out OIDC tokens.",
    )
    aws_role_arn: str | None = setting(
        "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/ci", values.text, "The SDK's own role for web identity."
    )
    aws_web_identity_token_file: str | None = setting(
        "AWS_WEB_IDENTITY_TOKEN_FILE=/run/secrets/token", values.text, "The file with the OIDC token."
    )
    aws_config_file: str | None = setting(
        "AWS_CONFIG_FILE=/secure/aws/config", values.text, "Another file than ~/.aws/config."
    )
    aws_shared_credentials_file: str | None = setting(
        "AWS_SHARED_CREDENTIALS_FILE=/secure/credentials", values.text, "Another file than ~/.aws/credentials."
    )
    aws_ca_bundle: str | None = setting(
        "AWS_CA_BUNDLE=/etc/ssl/ca.pem", values.text, "Certificates to trust, behind a proxy that opens TLS."
    )
    aws_endpoint_url: str | None = setting(
        "AWS_ENDPOINT_URL=https://aws.example",
        values.web_address,
        "Another endpoint for every AWS service. One on this machine, in .env, is taken for the application's and "
        "refused, unless AWS_ENDPOINT_URL_ECR is set as well.",
    )
    aws_endpoint_url_ecr: str | None = setting(
        "AWS_ENDPOINT_URL_ECR=https://vpce-1.api.ecr.example", values.web_address, "Another endpoint for ECR's API."
    )
    aws_endpoint_url_ecr_public: str | None = setting(
        "AWS_ENDPOINT_URL_ECR_PUBLIC=http://127.0.0.1:4510",
        values.web_address,
        "Another endpoint for ECR Public's API.",
    )
    aws_endpoint_url_sts: str | None = setting(
        "AWS_ENDPOINT_URL_STS=https://vpce-1.sts.example", values.web_address, "Another endpoint for STS."
    )
    aws_use_fips_endpoint: str | None = setting("AWS_USE_FIPS_ENDPOINT=true", values.text, "FIPS endpoints.")
    aws_use_dualstack_endpoint: str | None = setting(
        "AWS_USE_DUALSTACK_ENDPOINT=true", values.text, "Endpoints with IPv6."
    )
    repository: str | None = setting(
        "ECR_REPOSITORY=team/app",
        registry.repository,
        "The repository: one image, one repository. Its URI or ARN gives account and region, too; in ECR Public: "
        "public.ecr.aws/ALIAS/NAME (docs/ecr-public.md).",
        heading="What to build",
    )
    context: str = setting(
        "ECR_CONTEXT=.",
        build_options.location("a folder or a URL"),
        "The build context: a folder beside this file, or a URL.",
        default=".",
    )
    dockerfile: str = setting(
        "ECR_DOCKERFILE=docker/app.Dockerfile",
        build_options.location("a file"),
        "The Dockerfile: looked for beside this file, then in the context.",
        default=build_options.DEFAULT_DOCKERFILE,
    )
    target: str | None = setting(
        "ECR_TARGET=runtime", values.word, "A stage of the Dockerfile.", unset="the last one"
    )
    platforms: tuple[str, ...] = setting(
        "ECR_PLATFORMS=linux/amd64,linux/arm64",
        build_options.platforms,
        "Platforms as os/arch[/variant], or local for the engine's own.",
        default="",
        unset="the engine's",
    )
    native: bool = setting(
        "ECR_NATIVE=true",
        values.boolean,
        "For one of several runners: build for its own platform of ECR_PLATFORMS alone, like `push --only`; whichever"
        " runner pushes the last one publishes the image (docs/native-runners.md).",
        default="false",
    )
    build_args: tuple[str, ...] = setting(
        "ECR_BUILD_ARGS=PYTHON=3.13,VERSION",
        build_options.build_args,
        "Build arguments: NAME=VALUE, or NAME for a value from this file or the environment. Like every list here: "
        "comma-separated, or one a line in double quotes.",
        default="",
        display="names-only",
    )
    build_contexts: tuple[str, ...] = setting(
        "ECR_BUILD_CONTEXTS=shared=../shared",
        build_options.build_contexts,
        "Named contexts: name=path, name=docker-image://...",
        default="",
    )
    secrets: tuple[str, ...] = setting(
        "ECR_SECRETS=id=npm,env=NPM_TOKEN",
        build_options.secrets,
        "Build secrets, from files or from variables of this file or the environment.",
        default="",
    )
    ssh: tuple[str, ...] = setting(
        "ECR_SSH=default", build_options.ssh, "SSH agents or keys for the build.", default=""
    )
    labels: Mapping[str, str] = setting(
        "ECR_LABELS=team=web,cost-center=42",
        build_options.labels,
        "Labels beside the OCI keys that come from git and CI.",
        default="",
        unset="OCI keys from git and CI",
    )
    annotations: Mapping[str, str] = setting(
        "ECR_ANNOTATIONS=index:team=web",
        build_options.image_annotations,
        "Annotations beside the same OCI keys.",
        default="",
        unset="OCI keys from git and CI",
    )
    bake_file: tuple[Path, ...] = setting(
        "ECR_BAKE_FILE=docker-bake.hcl",
        values.files,
        "A bake or compose file, or several: each target of the default group, or each service with a build, is an "
        "image. A file that has one of the default names is read with its override file.",
        default="",
        unset="found by name, with ECR_REPOSITORY_PREFIX or ECR_REPOSITORY_MAP",
    )
    repository_prefix: str | None = setting(
        "ECR_REPOSITORY_PREFIX=team/",
        registry.repository_prefix,
        "With a bake file: what each target's repository begins with.",
    )
    repository_map: Mapping[str, str] = setting(
        "ECR_REPOSITORY_MAP=api=legacy/backend,web=site",
        parse_repository_map,
        "With a bake file: the repositories of targets whose name isn't the prefix and the target's, as "
        "TARGET=REPOSITORY.",
        default="",
    )
    registry_logins: Mapping[str, str] = setting(
        "ECR_REGISTRY_LOGINS=ghcr.io=secretsmanager:build/ghcr",
        parse_registry_logins,
        "Logins for other registries that builds read from, beside docker's own: HOST=secretsmanager:ARN-OR-NAME. "
        'The secret is JSON: {"username": "...", "password": "..."}, or "accessToken" in place of the password.',
        default="",
    )
    mirrors: tuple[Mirror, ...] = setting(
        "ECR_MIRRORS=docker.io=mirror.example.com/hub",
        parse_mirrors,
        "Where base images of other registries are too: REGISTRY=MIRROR. Builds read them there, with FROM as it is, "
        "and where the mirror hasn't got them, from their own registry.",
        default="",
    )
    pull_through: bool = setting(
        "ECR_PULL_THROUGH=true",
        values.boolean,
        "Builds read base images through the pull-through cache rules of the registry, with FROM as it is.",
        default="false",
    )
    cache: tuple[str, ...] = setting(
        "ECR_CACHE=registry",
        caches.caches,
        "registry keeps a build cache in ECR, one for each branch; or buildx's own syntax, type=..., one a line "
        "(docs/caches.md).",
        default="off",
        heading="How to build",
    )
    cache_from: tuple[str, ...] | None = setting(
        "ECR_CACHE_FROM=registry",
        caches.caches_to_read,
        "The caches that builds read, in place of ECR_CACHE's: off, registry, type=..., one a line.",
        unset="ECR_CACHE's",
    )
    cache_to: tuple[str, ...] | None = setting(
        "ECR_CACHE_TO=type=registry,ref=registry.example/cache:app,mode=max",
        caches.caches_to_write,
        "The caches that builds write, in place of ECR_CACHE's. Builds of proposed changes write none outside of "
        "this machine.",
        unset="ECR_CACHE's",
    )
    cache_compression: tuple[str, int | None] | None = setting(
        "ECR_CACHE_COMPRESSION=zstd",
        caches.compression,
        "How the layers of a registry or local cache are compressed: gzip, zstd, estargz or uncompressed, perhaps "
        "with a level (zstd:19).",
        unset="BuildKit's own, gzip",
    )
    builder: str | None = setting("ECR_BUILDER=multi", values.word, "A buildx builder.", unset="buildx's current one")
    client: Client = setting(
        "ECR_CLIENT=podman",
        values.choice("docker", "podman", "finch", "nerdctl"),
        "The program that builds and pushes. All but docker have no buildx: they build one platform of a Dockerfile.",
        default="docker",
    )
    emulation: Emulation = setting(
        "ECR_EMULATION=install",
        values.choice("off", "install"),
        "install adds the emulation of the planned platforms that the engine can't run (QEMU, by a privileged "
        "container) before a build that needs it, here and in CI.",
        default="off",
    )
    emulation_image: str = setting(
        "ECR_EMULATION_IMAGE=mirror.example.com/tonistiigi/binfmt:qemu-v10.0.4",
        image,
        "The image that installs the emulation.",
        default="tonistiigi/binfmt",
    )
    allow: tuple[str, ...] = setting(
        "ECR_ALLOW=network.host",
        build_options.entitlements,
        "Privileges that builds may have: network.host, security.insecure, device.",
        default="",
        unset="none",
    )
    preset: Preset = setting(
        "ECR_PRESET=supply-chain",
        values.choice("default", "lambda", "supply-chain"),
        "lambda (one manifest, no attestations) or supply-chain (provenance, SBOM).",
        default="default",
    )
    attest: Attest = setting(
        "ECR_ATTEST=referrers",
        values.choice("preset", "referrers"),
        "referrers attaches provenance and an SBOM after the push, so that the image stays what it is without them; "
        "preset leaves it to ECR_PRESET, which puts them into the image's index.",
        default="preset",
    )
    sbom_generator: str = setting(
        "ECR_SBOM_GENERATOR=docker/buildkit-syft-scanner:stable-1",
        values.word,
        "The image that makes SBOMs (BuildKit's scanner protocol), or none for no SBOM.",
        default="",
        unset="BuildKit's own",
    )
    dirty: Dirty = setting(
        "ECR_DIRTY=refuse",
        values.choice("tag", "refuse"),
        "An uncommitted tree: tag it -dirty, or refuse it.",
        default="tag",
    )
    dirty_ignore: tuple[str, ...] = setting(
        "ECR_DIRTY_IGNORE=version.txt,/build/*.json",
        values.patterns,
        "Files that CI steps write and that don't make the tree uncommitted, though they are built: patterns as in a "
        ".gitignore beside this file.",
        default="",
    )
    skip: Skip = setting(
        "ECR_SKIP=content",
        values.choice("commit", "content", "never"),
        "commit: don't rebuild a clean commit that is published, nor an image of which git proves that nothing "
        "changed since the one that its branch has. content: nor the same inputs (files, Dockerfile, "
        "arguments, platforms, base images), whichever commit they were built from; the image's labels go on naming"
        " that one. never: always build.",
        default="commit",
    )
    lock_minutes: int = setting(
        "ECR_LOCK_MINUTES=30",
        values.minutes,
        "How long to wait for another run on this machine that publishes the same image.",
        default="240",
    )
    puts_per_second: int | None = setting(
        "ECR_PUTS_PER_SECOND=50",
        values.rate,
        "How many manifests and tags may be put a second (PutImage), if the account's quota is not ECR's own, ten. "
        "A local ECR has no such limit, unless this is set.",
        unset="10",
    )
    keep_local: int | None = setting(
        "ECR_KEEP_LOCAL=10",
        values.commits,
        "Of how many commits a repository's local image names are kept, the newest ones; older ones that runs left "
        "are removed after a build or a push, unless a container uses them. all: of every commit. 0: not even of "
        "the commit that was pushed.",
        default="3",
    )
    allow_keys_in: tuple[lists.Allowed, ...] = setting(
        "ECR_ALLOW_KEYS_IN=private-key certs/localhost.key: made for localhost",
        lists.split_allowed,
        "What leak guards let through: a guard's name, the file that it is silenced for (beside this one), and the "
        "reason. build-arg:NAME, label:NAME and others stand for a value; refusals say the entry to write, and "
        "docs/leak-guards.md has all. What only stands for a key (your-access-key, AWS's own examples) needs no "
        "mention.",
        default="",
    )
    env_file: Path | None = setting(
        "ECR_ENV_FILE=.env.ecr",
        values.file,
        "The dotenv file that is read in place of .env, where that is the application's; with `env NAME` also the "
        "one with .NAME after its name. Only in the environment or in invoke.yaml; .env.ecr needs no mention.",
        unset=".env.ecr, or else .env",
    )
    debug: bool = setting("ECR_DEBUG=true", values.boolean, "Show tracebacks.", default="false")
    create_repository: bool = setting(
        "ECR_CREATE_REPOSITORY=true",
        values.boolean,
        "push and promote --to create a repository that is missing.",
        default="false",
        heading="The repository",
    )
    mutability: tuple[str, ...] = setting(
        "ECR_MUTABILITY=immutable,exclude=latest;pr-*",
        registry.mutability,
        "Which tags ECR locks. rules: the fixed ones of the tag rules. Else mutable or immutable, with exceptions "
        "if you like: immutable,exclude=latest;pr-*",
        default="rules",
    )
    lifecycle_policy: Literal["default", "off"] | Path = setting(
        "ECR_LIFECYCLE_POLICY=ecr/lifecycle.json",
        registry.lifecycle_policy,
        "A JSON file; default: untagged and cache images expire, nothing else; off: leave it as it is.",
        default="default",
    )
    repository_policy: Path | None = setting(
        "ECR_REPOSITORY_POLICY=ecr/policy.json",
        values.file,
        "A JSON file with the repository policy. Without it, the policy stays as it is.",
        unset="left as it is",
    )
    pull_time_exclusions: tuple[str, ...] = setting(
        "ECR_PULL_TIME_EXCLUSIONS=caller",
        registry.principals,
        "Roles and users (ARNs, or caller for these credentials' own) whose pulls ECR is not to record; repo.ensure "
        "registers them in the registry, for all of its repositories. Others that are registered stay.",
        default="",
    )
    registry_file: Path | None = setting(
        "ECR_REGISTRY_FILE=registry.yaml",
        values.file,
        "A YAML or JSON file that says how the whole registry is to be, in the names of ECR's API; only "
        "registry.ensure reads it.",
    )
    kms_key: str | None = setting(
        "ECR_KMS_KEY=alias/ecr",
        values.word,
        "A KMS key (ARN, id or alias) to encrypt with; it counts only when the repository is created.",
        unset="ECR's own key",
    )
    repository_tags: Mapping[str, str] = setting(
        "ECR_REPOSITORY_TAGS=team=web,cost-center=42",
        registry.resource_tags,
        "AWS tags of the repository; others that it has stay.",
        default="",
    )
    tags: str | None = setting(
        "ECR_TAGS=type=semver,pattern={{version}};type=ref,event=branch;type=ref,event=pr;type=sha",
        values.verbatim_text,
        "Tag rules, in docker/metadata-action's syntax: one a line, or separated by ; (docs/tags.md).",
        unset="sha; branch; PR; semver",
        heading="Tags, more registries, scans",
    )
    flavor: str | None = setting(
        "ECR_FLAVOR=latest=auto,forward=true",
        values.verbatim_text,
        "What holds for every tag rule: latest=auto|true|false, forward=, prefix=, suffix=.",
        unset="latest on the highest release",
    )
    destinations: tuple[Destination, ...] = setting(
        "ECR_DESTINATIONS=210987654321/eu-west-1,role=arn:aws:iam::210987654321:role/push,123456789012/us-east-1",
        parse_destinations,
        "More registries to publish to: ACCOUNT/REGION[/REPOSITORY], a URI, or public.ecr.aws/ALIAS[/REPOSITORY]. "
        "The image is built and pushed once, then copied. After each one may follow who copies there: role=ARN, "
        "external-id=ID, profile=NAME.",
        default="",
    )
    pull_request: str | None = setting(
        "ECR_PULL_REQUEST=7",
        values.change_number,
        "This run is for a proposed change of that number (true: without one), so no branch's tag moves. Known by "
        "itself on the CI systems of docs/ci; for others: ECR_PULL_REQUEST=$PULL_NUMBER",
        unset="what the CI says",
    )
    prune: str | None = setting(
        "ECR_PRUNE=type=untagged,older=14d;type=gone,pattern=pr-*;type=keep,pulled=30d",
        values.verbatim_text,
        "What `prune` may delete, and what stays in any case: one rule a line, or separated by ; (docs/prune.md).",
        unset="prune refuses to run",
    )
    prune_ask: tuple[str, ...] = setting(
        "ECR_PRUNE_ASK=ecs,lambda,us-west-2",
        registry.prune_ask,
        "Who may run the images, and is asked before `prune`: ecs, lambda, eks, accounts (others that the "
        "repository's policy lets in), and further regions. Who can't be asked protects; one left out runs none.",
        default="ecs,lambda,eks,accounts",
    )
    scan_fail_on: Level | None = setting(
        "ECR_SCAN_FAIL_ON=high",
        values.choice(*LEVELS),
        "The lowest severity of a finding that fails `scan`, `verify` and `promote --require-scan`: critical, high, "
        "medium, low, informational or undefined. Unset, it is critical for promote, and scan only shows.",
        unset="critical, with promote --require-scan",
    )
    scan_accepted: Path | None = setting(
        "ECR_SCAN_ACCEPTED=ecr/accepted.yaml",
        values.file,
        "A YAML file with findings that are accepted: a list of id, reason, and perhaps package and until "
        "(docs/scan.md).",
        unset="none",
    )
    sign: SignWith | None = setting(
        "ECR_SIGN=cosign,key=awskms:///alias/sign",
        signing.sign_with,
        "How `sign` signs: cosign with a key (a file, whose password is COSIGN_PASSWORD in the environment, or KMS), "
        "cosign alone (keyless), notation,key=NAME, notation,profile=ARN (AWS Signer), or managed: ECR signs by "
        "itself, and push waits for it.",
        heading="Signatures",
    )
    signed_by: tuple[Signer, ...] = setting(
        "ECR_SIGNED_BY=key=cosign.pub",
        signing.signers,
        "Whose signature counts for `verify` and --require-signature, one of them: key=cosign.pub or a KMS key; "
        "identity=...,issuer=... (keyless); certificate=ca.pem[,subject=...] (notation); profile=ARN (AWS Signer and "
        "ECR's managed signing). One a line, or with commas between them (docs/signing.md).",
        default="",
    )


TABLE: Mapping[str, Setting] = MappingProxyType(
    {row.metadata["name"]: Setting(row.name, **row.metadata) for row in fields(Schema)}
)
"""The rows by their variable's name, in the schema's order."""


def setting_of(name: str) -> Setting:
    """Return a variable's row. AWS_… variables without a row are for the SDK, and hidden: one may be a token."""
    return TABLE.get(name) or Setting("", name, values.text, "", "", display="hidden")
