"""The table of the IAM actions that each task needs. A row is one reason for some actions.

Sources: ``clients/ecr`` for our own calls; for docker's, the ECR user guide ("IAM permissions for pushing an image",
"AWS managed policies"). ``tests/engine/test_iam_actions.py`` compares the rows with the requests of real runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from ecr_tasks.frozen import dataclass
from ecr_tasks.iam.scope import Scope
from ecr_tasks.model.signing import ProfileSigner
from ecr_tasks.settings.settings import Settings

Condition = Callable[[Settings, Scope], object]


@dataclass(frozen=True)
class Row:
    """One reason: actions, what they are on, the purpose, and for which settings it counts.

    ``actions`` and ``on`` are words with spaces between. On are: ``*``; repositories of the scope, with those of ECR
    Public alone in ``public`` (own and copies) and ``own-public``, and ``public-registry``, theirs; ``own-key`` and
    ``copies-key``, ECR_KMS_KEY in their registries; ``roles``, those of the destinations; ``secrets``, those of
    ECR_REGISTRY_LOGINS; ``signing-keys`` and ``signers-keys``, the keys in KMS of ECR_SIGN and of ECR_SIGNED_BY;
    ``profiles``, the signing profiles of both; ``SERVICE:PATH``, all such resources of another service in these
    accounts and regions.
    """

    actions: str
    on: str
    purpose: str
    required: bool = True
    when: Condition = lambda settings, scope: True


def _has_copies(settings: Settings, scope: Scope) -> bool:
    return bool(scope.own and (scope.copies or scope.others))


def _logs_in_to_copy(settings: Settings, scope: Scope) -> bool:
    return bool(scope.copies or scope.others)


def _has_private_copies(settings: Settings, scope: Scope) -> bool:
    return bool(scope.own) and any(not place.is_public for place in (*scope.copies, *scope.others))


def _caches(settings: Settings, scope: Scope) -> bool:
    return settings.caches_in_repository


def _creates(settings: Settings, scope: Scope) -> bool:
    return settings.create_repository


def _leaves_tags_unlocked(settings: Settings, scope: Scope) -> bool:
    """Return whether the settings let ECR leave fixed tags unlocked; by the tag rules it locks them."""
    return settings.mutability[0] == "mutable"


def _asks(who: str) -> Condition:
    """Return whether ECR_PRUNE_ASK has somebody asked what runs."""
    return lambda settings, scope: who in settings.prune_ask


def _locks_uncommitted(settings: Settings, scope: Scope) -> bool:
    """Return whether the tags of uncommitted trees are locked; by the tag rules they are not."""
    return settings.mutability[0] == "immutable" and settings.dirty == "tag"


def _attaches(settings: Settings, scope: Scope) -> bool:
    return settings.attest == "referrers"


def _signs_by_ecr(settings: Settings, scope: Scope) -> bool:
    return settings.sign is not None and settings.sign.tool == "managed"


def _signs_with_profile(settings: Settings, scope: Scope) -> bool:
    return settings.sign is not None and bool(settings.sign.profile)


def _expects_profile(settings: Settings, scope: Scope) -> bool:
    return any(isinstance(signer, ProfileSigner) for signer in settings.signed_by)


def _only(condition: Condition, *rows: Row) -> tuple[Row, ...]:
    """Return rows that count only on one more condition."""

    def both(row: Row) -> Condition:
        return lambda settings, scope: condition(settings, scope) and row.when(settings, scope)

    return tuple(replace(row, when=both(row)) for row in rows)


def _without(places: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows that are not on these places, which are words with spaces between."""
    left = (replace(row, on=" ".join(word for word in row.on.split() if word not in places.split())) for row in rows)
    return tuple(row for row in left if row.on)


def _own_public(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows that are on the own repositories of ECR Public where they are on all of them."""
    return tuple(replace(row, on=f"own-{row.on}") if row.on.startswith("public") else row for row in rows)


_UPLOAD = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
_PUSH = " ".join(f"ecr:{name}" for name in _UPLOAD)
_PUSH_PUBLIC = " ".join(f"ecr-public:{name}" for name in _UPLOAD)
_PULL = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer"
_PUBLIC_TOKEN = "ecr-public:GetAuthorizationToken sts:GetServiceBearerToken"  # noqa: S105 - the names of actions

_RUNS = "see what ECS and Lambda run"
_WHAT_RUNS = (
    Row(
        "ecs:ListClusters ecs:ListServices ecs:ListTaskDefinitionFamilies ecs:DescribeTaskDefinition",
        *("*", _RUNS),
        when=_asks("ecs"),
    ),
    Row("ecs:ListTasks", "ecs:container-instance/*/*", _RUNS, when=_asks("ecs")),
    Row("ecs:DescribeTasks", "ecs:task/*/*", _RUNS, when=_asks("ecs")),
    Row("ecs:DescribeServices", "ecs:service/*/*", _RUNS, when=_asks("ecs")),
    Row("lambda:ListFunctions", "*", _RUNS, when=_asks("lambda")),
    Row("lambda:GetFunction", "lambda:function:*", _RUNS, when=_asks("lambda")),
    Row("eks:ListClusters", "*", "see whether there is a cluster of EKS", when=_asks("eks")),
)

_TOKEN = Row("ecr:GetAuthorizationToken", "*", "log in to the registry")
_TOKEN_PUBLIC = Row(_PUBLIC_TOKEN, "own-public", "log in to ECR Public")
_READ_PUBLIC = (
    replace(_TOKEN_PUBLIC, purpose="read from ECR Public at the rate of a login", required=False),
    Row(
        "ecr-public:DescribeRepositories ecr-public:DescribeImageTags ecr-public:DescribeImages",
        *("own-public", "look at the public repositories and their images"),
    ),
)
_WRITE_PUBLIC = (_TOKEN_PUBLIC, _READ_PUBLIC[1], Row(_PUSH_PUBLIC, "own-public", "push to ECR Public and set tags"))

_READ_BASES = (
    Row("ecr:GetAuthorizationToken", "*", "pull base images", when=lambda settings, scope: scope.reads),
    Row(_PULL, "reads", "pull base images"),
    Row(
        "ecr:DescribePullThroughCacheRules",
        *("*", "read the pull-through cache rules"),
        when=lambda settings, scope: settings.pull_through,
    ),
    Row(
        f"{_PULL} ecr:BatchImportUpstreamImage ecr:CreateRepository",
        *("*", "pull base images through the pull-through cache"),
        when=lambda settings, scope: settings.pull_through,
    ),
    Row("ecr:BatchImportUpstreamImage", "reads", "pull base images through a pull-through cache", required=False),
    Row(_PUBLIC_TOKEN, "public-reads", "pull from ECR Public at the rate of a login", required=False),
    Row("secretsmanager:GetSecretValue", "secrets", "log in to the registries of ECR_REGISTRY_LOGINS"),
)

_READ_AND_CACHE = (
    *_READ_BASES,
    Row("ecr:GetAuthorizationToken", "*", "keep a build cache", False, lambda settings, scope: scope.caches),
    Row(f"{_PULL} {_PUSH}", "caches", "keep a build cache", required=False),
    Row("ecr:GetAuthorizationToken", "*", "keep a build cache", False, _caches),
    Row(f"{_PULL} {_PUSH}", "own", "keep a build cache", False, _caches),
)

_LOOK_IS_NO_PULL = Row("ecr:DescribeImages", "own copies", "look at images in a way that is no pull", required=False)

_ASSUME = Row("sts:AssumeRole", "roles", "use the roles of the destinations")

_CREATED_ON_PUSH = Row(
    "ecr:DescribeRepositoryCreationTemplates",
    "*",
    "see whether a push creates a missing repository",
    False,
    lambda settings, scope: not settings.create_repository,
)

_LOOK = (
    _ASSUME,
    Row("ecr:DescribeRepositories ecr:BatchGetImage", "own copies", "look at the repositories and planned tags"),
    _LOOK_IS_NO_PULL,
    Row("ecr-public:DescribeRepositories ecr-public:DescribeImageTags", "public", "look at the public repositories"),
    Row("ecr:GetDownloadUrlForLayer", "own copies", "read an image's commit from its labels", required=False),
    Row("ecr:DescribeRegistry", "*", "see what ECR replicates by itself", False, _has_private_copies),
    _CREATED_ON_PUSH,
)

_TAKE_TURNS = (
    Row("ecr:DescribeRegistry", "*", "see what ECR replicates by itself", False, _leaves_tags_unlocked),
    Row("ecr:BatchDeleteImage", "own copies", "take turns at tags that aren't locked", False, _leaves_tags_unlocked),
    Row("ecr-public:BatchDeleteImage", "public", "take turns at tags, which ECR Public can't lock", required=False),
)

_COPY = (
    Row(_PULL, "own", "read what is copied", when=_has_copies),
    Row(_PUSH, "copies", "copy images and set their tags"),
    Row(_PUBLIC_TOKEN, "public", "log in to ECR Public"),
    Row(f"{_PUSH_PUBLIC} ecr-public:DescribeImages", "public", "push images and set their tags"),
)

_CREATE = (
    Row("ecr:CreateRepository", "own copies", "create a missing repository"),
    Row("ecr-public:CreateRepository", "public", "create a missing repository"),
    Row("ecr-public:DescribeRegistries", "public-registry", "see whether the alias is its", required=False),
    Row("ecr:TagResource", "own copies", "set AWS tags", when=lambda settings, scope: settings.repository_tags),
    Row("ecr-public:TagResource", "public", "set AWS tags", when=lambda settings, scope: settings.repository_tags),
    Row(
        "ecr:PutLifecyclePolicy",
        "own copies",
        "set the lifecycle policy",
        when=lambda settings, scope: settings.lifecycle_policy != "off",
    ),
    Row(
        "ecr:SetRepositoryPolicy",
        "own copies",
        "set the repository policy",
        when=lambda settings, scope: settings.repository_policy,
    ),
    Row(
        "kms:CreateGrant kms:DescribeKey",
        "own-key copies-key",
        "create a repository that is encrypted with ECR_KMS_KEY",
        when=lambda settings, scope: settings.kms_key,
    ),
)


_BY_ECR_ITSELF = (
    Row("ecr:DescribeImageReplicationStatus", "own", "wait for ECR's own replication", False, _has_private_copies),
    Row("ecr:GetSigningConfiguration", "*", "see which images ECR signs", required=False),
    Row("ecr:DescribeImageSigningStatus", "own", "wait for ECR's managed signing", required=False),
    Row("signer:SignPayload", "profiles", "have ECR sign what is pushed", when=_signs_by_ecr),
)
"""For what ECR does with an image by itself as soon as it is published."""

_PUBLISH = (
    _TOKEN,
    *_LOOK,
    *_READ_AND_CACHE,
    Row(_PUSH, "own", "push images and set their tags"),
    Row("ecr:ListImages", "own copies", "move latest and release lines forward only", required=False),
    *_TAKE_TURNS,
    *_COPY,
    Row("ecr:ListImageReferrers", "own copies", "attach SBOMs and provenance (ECR_ATTEST)", when=_attaches),
    *_BY_ECR_ITSELF,
    *_only(_creates, *_CREATE),
)

_VERIFY_SIGNATURES = (
    Row("ecr:ListImageReferrers", "own", "find an image's signatures"),
    Row("ecr:DescribeImageSigningStatus", "own", "see what ECR's managed signing says", required=False),
    Row("ecr:GetAuthorizationToken", "*", "check signatures", when=lambda settings, scope: settings.signed_by),
    Row(_PULL, "own", "check signatures", when=lambda settings, scope: settings.signed_by),
    Row("kms:GetPublicKey kms:DescribeKey", "signers-keys", "check signatures with a key in KMS"),
    Row("signer:GetRevocationStatus", "profiles", "check signatures of AWS Signer", False, _expects_profile),
)

_VERIFY_COPIES = tuple(replace(row, on="own copies") if row.on == "own" else row for row in _VERIFY_SIGNATURES)

_DOWNLOAD = (
    _TOKEN,
    Row("ecr:DescribeRepositories", "own", "look at the repository"),
    replace(_LOOK_IS_NO_PULL, on="own"),
    Row(_PULL, "own", "find an image and pull it"),
    *_READ_PUBLIC,
)

_FIND = (
    Row("ecr:DescribeRepositories ecr:DescribeImages", "own", "find an image and its digest"),
    Row("ecr:BatchGetImage", "own", "see whether the commit's tag is the commit's", required=False),
    *_READ_PUBLIC,
)

_GATES = (
    Row("ecr:DescribeImageScanFindings", "own", "promote --require-scan", required=False),
    *(replace(row, required=False) for row in _VERIFY_SIGNATURES),
)

_RECORD = Row(" ".join(f"ecr:{name}" for name in _UPLOAD[:-1]), "own", "record what is promoted", required=False)
"""The first record in a repository uploads the layer of all empty artifacts."""

_READ_RECORDS = Row("ecr:DescribeRepositories ecr:DescribeImages ecr:BatchGetImage", "own", "read what a tag was")

_READ_SETTINGS = Row(
    "ecr:DescribeRepositories ecr:ListTagsForResource ecr:GetLifecyclePolicy ecr:GetRepositoryPolicy",
    "own",
    "read what is set on the repository",
)

_SETTINGS_PUBLIC = (
    Row(
        "ecr-public:DescribeRepositories ecr-public:ListTagsForResource",
        *("own-public", "read what is set on the repository"),
    ),
)

_READ_REGISTRY = Row(
    "ecr:GetAccountSetting ecr:GetRegistryPolicy ecr:DescribeRepositoryCreationTemplates "
    "ecr:DescribePullThroughCacheRules ecr:GetRegistryScanningConfiguration ecr:GetSigningConfiguration "
    "ecr:DescribeRegistry ecr:ListReplicationBackfills ecr:ListPullTimeUpdateExclusions",
    "*",
    "read what is set on the registry",
    required=False,
)

ROWS: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
        "push": (
            *_PUBLISH,
            Row(
                "ecr:BatchDeleteImage",
                "own copies",
                "replace -dirty tags, which are locked",
                when=_locks_uncommitted,
            ),
        ),
        "merge": (
            *_LOOK,
            Row("ecr:PutImage", "own", "push the index and set its tags"),
            Row("ecr:ListImages", "own copies", "move latest and release lines forward only", required=False),
            *_TAKE_TURNS,
            Row("ecr:GetAuthorizationToken", "*", "copy to the destinations", when=_logs_in_to_copy),
            *_COPY,
            *_BY_ECR_ITSELF,
            *_only(_attaches, Row(f"ecr:ListImageReferrers {_PULL} {_PUSH}", "own", "attach SBOMs and provenance")),
            *_WRITE_PUBLIC,
        ),
        "pull": _DOWNLOAD,
        "ci": (*_PUBLISH, *_DOWNLOAD),
        "promote": (
            Row("ecr:DescribeRepositories ecr:BatchGetImage ecr:PutImage", "own", "find an image and set its tags"),
            _LOOK_IS_NO_PULL,
            Row("ecr:ListImageReferrers", "own", "promote --to", when=_has_copies),
            *_only(_has_private_copies, _CREATED_ON_PUSH),
            *_GATES,
            _RECORD,
            Row("ecr:GetAuthorizationToken", "*", "promote --to", when=_logs_in_to_copy),
            _ASSUME,
            Row("ecr:DescribeRepositories ecr:BatchGetImage", "copies", "promote --to"),
            Row("ecr-public:DescribeRepositories ecr-public:DescribeImageTags", "public", "promote --to"),
            *_COPY,
            *_only(_creates, *_without("own own-key", _CREATE)),
        ),
        "history": (_READ_RECORDS, *_READ_PUBLIC),
        "rollback": (
            _READ_RECORDS,
            *_WRITE_PUBLIC,
            Row("ecr:PutImage", "own", "put an image back"),
            *_GATES,
            _RECORD,
        ),
        "sign": (
            _TOKEN,
            _ASSUME,
            Row("ecr:DescribeRepositories ecr:DescribeImages", "own copies", "find an image and its digest"),
            Row(f"{_PULL} {_PUSH}", "own copies", "read an image's manifest and push its signature"),
            Row("ecr-public:DescribeRepositories ecr-public:DescribeImageTags", "public", "find a public image"),
            Row(_PUBLIC_TOKEN, "public", "log in to ECR Public"),
            Row(f"{_PUSH_PUBLIC} ecr-public:DescribeImages", "public", "push a public image's signature"),
            *_VERIFY_COPIES,
            Row("ecr:GetSigningConfiguration", "*", "see which images ECR signs", False, _signs_by_ecr),
            Row("kms:Sign kms:GetPublicKey kms:DescribeKey", "signing-keys", "sign with a key in KMS"),
            Row(
                "signer:SignPayload signer:GetSigningProfile",
                "profiles",
                "sign with AWS Signer",
                when=_signs_with_profile,
            ),
        ),
        "verify": (
            _ASSUME,
            Row(
                "ecr:DescribeRepositories ecr:DescribeImages", "own copies", "find an image, its digest and its tags"
            ),
            Row(
                "ecr-public:DescribeRepositories ecr-public:DescribeImageTags", "public", "look at the public copies"
            ),
            *_READ_PUBLIC,
            Row(_PULL, "own", "read an image's platforms"),
            *_VERIFY_COPIES,
            Row("ecr:DescribeImageScanFindings", "own", "read the scans", required=False),
            Row("ecr:DescribeRegistry", "*", "see what ECR replicates by itself", required=False),
            Row("ecr:DescribeImageReplicationStatus", "own", "follow ECR's own replication", required=False),
        ),
        "scan": (
            Row("ecr:DescribeRepositories ecr:DescribeImages", "own", "find what can be scanned"),
            Row(
                "ecr:BatchGetImage", "own", "read the platforms of an index, and see whether the commit's tag is its"
            ),
            Row("ecr:DescribeImageScanFindings", "own", "read the findings of a scan"),
            Row("ecr:StartImageScan", "own", "start a scan where there is none, and scan --again"),
            Row(
                "ecr:GetRegistryScanningConfiguration ecr:GetAccountSetting",
                "*",
                "see how images are scanned",
                required=False,
            ),
            Row(
                "ecr:BatchGetRepositoryScanningConfiguration",
                "own",
                "see how images are scanned, where the registry's configuration may not be read",
                required=False,
            ),
            Row("inspector2:ListCoverage inspector2:ListFindings", "*", "read an enhanced scan", required=False),
        ),
        "prune": (
            Row("ecr:DescribeImages", "own", "find what nothing needs"),
            Row("ecr:BatchGetImage", "own", "read what an index lists"),
            Row("ecr:DescribeRegistry", "*", "see where ECR replicates images and deletions"),
            Row("ecr:BatchDeleteImage", "own", "delete images"),
            Row("ecr:UpdateImageStorageClass", "own", "archive images", required=False),
            Row("ecr:GetRepositoryPolicy", "own", "see who else may pull", when=_asks("accounts")),
            Row("ecr:GetRegistryPolicy", "*", "see who else may pull", when=_asks("accounts")),
            *_WHAT_RUNS,
        ),
        "restore": (
            Row("ecr:DescribeRepositories ecr:DescribeImages", "own", "find an archived image and wait for it"),
            Row("ecr:UpdateImageStorageClass", "own", "restore an image"),
            Row("ecr:BatchGetImage", "own", "read what an index lists"),
        ),
        "login": (_TOKEN, _TOKEN_PUBLIC),
        "build": (*_READ_AND_CACHE, *_only(_caches, *_LOOK, *_only(_creates, *_CREATE))),
        "plan": (*_LOOK, *_READ_BASES, _READ_PUBLIC[0]),
        "bases": _READ_BASES,
        "outdated": (
            Row(
                "ecr:DescribeRepositories ecr:DescribeImages ecr:BatchGetImage", "own", "read the images' annotations"
            ),
            *_READ_BASES,
            *_READ_PUBLIC,
        ),
        "commands": (_TOKEN, _TOKEN_PUBLIC, *_LOOK),
        "attest": (
            *_FIND,
            Row("ecr:ListImageReferrers", "own", "list what is attached to an image"),
            Row(_PULL, "own", "attest --get"),
            Row(_PUSH, "own", "attest FILE", required=False),
            Row(_PUSH_PUBLIC, "own-public", "attest FILE", required=False),
        ),
        "images": (
            Row("ecr:DescribeImages", "own", "list images"),
            Row("ecr:DescribeImageScanFindings", "own", "show their scans", required=False),
            Row(_PULL, "own", "images --platforms", required=False),
            Row("ecr:DescribeRepositories", "own", "images --open", required=False),
            *_READ_PUBLIC,
        ),
        "export": _FIND,
        "ec2.user-data": _FIND,
        "doctor": (
            *_LOOK,
            *_READ_BASES,
            Row("ecr:DescribeRepositoryCreationTemplates", "*", "see which template ECR uses", required=False),
            Row("ecr:GetRegistryScanningConfiguration", "*", "see how images are scanned", required=False),
        ),
        "registry.show": (_READ_REGISTRY,),
        "registry.ensure": (
            replace(_READ_REGISTRY, actions=_READ_REGISTRY.actions.replace(" ecr:ListReplicationBackfills", "")),
            Row("ecr:PutAccountSetting", "*", "set accountSettings"),
            Row("ecr:PutRegistryPolicy ecr:DeleteRegistryPolicy", "*", "set registryPolicy"),
            Row(
                "ecr:CreateRepositoryCreationTemplate ecr:UpdateRepositoryCreationTemplate "
                "ecr:DeleteRepositoryCreationTemplate",
                "*",
                "set repositoryCreationTemplates",
            ),
            Row(
                "ecr:CreatePullThroughCacheRule ecr:UpdatePullThroughCacheRule ecr:DeletePullThroughCacheRule",
                "*",
                "set pullThroughCacheRules",
            ),
            Row("ecr:PutRegistryScanningConfiguration", "*", "set scanningConfiguration"),
            Row("ecr:PutSigningConfiguration ecr:DeleteSigningConfiguration", "*", "set signingConfiguration"),
            Row("ecr:PutReplicationConfiguration", "*", "set replicationConfiguration"),
            Row(
                "ecr:RegisterPullTimeUpdateExclusion ecr:DeregisterPullTimeUpdateExclusion",
                "*",
                "set pullTimeUpdateExclusions",
            ),
        ),
        "repo.show": (_READ_SETTINGS, *_SETTINGS_PUBLIC),
        "repo.ensure": (
            _READ_SETTINGS,
            *_SETTINGS_PUBLIC,
            *_without("copies copies-key", _own_public(_CREATE)),
            Row("ecr:PutImageTagMutability", "own", "set which tags are locked"),
            Row("ecr:PutImageScanningConfiguration", "own", "have images scanned when they are pushed"),
            Row(
                "ecr:StartLifecyclePolicyPreview ecr:GetLifecyclePolicyPreview",
                "own",
                "see what a new lifecycle policy would expire",
                when=lambda settings, scope: settings.lifecycle_policy != "off",
            ),
            Row(
                "ecr:ListPullTimeUpdateExclusions ecr:RegisterPullTimeUpdateExclusion",
                "*",
                "have ECR record no pulls of ECR_PULL_TIME_EXCLUSIONS",
                when=lambda settings, scope: settings.pull_time_exclusions,
            ),
            Row(
                "iam:GetRole",
                "*",
                "know the path of the role that ECR_PULL_TIME_EXCLUSIONS=caller means",
                False,
                lambda settings, scope: "caller" in settings.pull_time_exclusions,
            ),
        ),
        "repo.delete": (
            Row("ecr:DescribeRepositories ecr:DeleteRepository", "own", "delete the repository"),
            Row("ecr-public:DescribeRepositories ecr-public:DeleteRepository", "own-public", "delete the repository"),
            Row(
                "kms:RetireGrant",
                "own-key",
                "end its use of ECR_KMS_KEY",
                when=lambda settings, scope: settings.kms_key,
            ),
        ),
    }
)
"""The rows by task. ``ci`` is what a pipeline does: it pushes, and pulls what it pushed."""
