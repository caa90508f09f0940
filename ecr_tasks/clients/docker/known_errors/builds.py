"""Errors of what is built: its Dockerfile's steps, and the files, secrets and keys that it is given."""

from __future__ import annotations

from ecr_tasks.clients.docker.known_errors.row import FAILED, KnownError
from ecr_tasks.model.refusals import NO_SSH_AGENT

_STEP = r'" did not complete successfully: '

MEND_STEP = "Mend that step of the Dockerfile, or what it reads; its output stands above."
BUILD_FOR_IT = "Build for that platform (ECR_PLATFORMS), or let the builder run its programs"

_GENERATOR_REMEDY = (
    "Name another generator (ECR_SBOM_GENERATOR), or set it to none and attach an SBOM of your own with "
    "`inv attest FILE`."
)

STEPS = (  # they stand first, because what they quote is the user's own and could be any other row's text
    KnownError(
        r"failed to solve: (?:dockerfile parse error|unterminated heredoc|failed to parse stage name)",
        FAILED,
        "Mend the Dockerfile there.",
    ),
    KnownError(
        r"failed to solve: (?P<why>cannot decode in-toto statement|bundle entry .{0,200}? does not match required "
        r"predicate type)",
        "The SBOM generator made no SPDX document in an in-toto statement, which is what BuildKit takes: {detail}.",
        _GENERATOR_REMEDY,
    ),
    KnownError(
        _STEP,
        "{failed}: the SBOM generator failed: {detail}.",
        f"See what it printed above. {_GENERATOR_REMEDY}",
        printed=r"(?m)^ > .{0,200}?generating sbom using ",
    ),
    KnownError(
        _STEP + r"exit code: 137\b",
        "{failed}: the step was killed (exit code: 137), as it is when memory runs out: {detail}.",
        "Give the engine or builder more memory, or let the step need less; its output stands above.",
    ),
    KnownError(
        _STEP,
        "{failed}: {program} is made for another platform than the one it was run on: {detail}.",
        f"{BUILD_FOR_IT} (`docker buildx ls` shows for which platforms it can; QEMU adds some).",
        printed=r"exec (?P<program>\S+): exec format error",
    ),
    KnownError(
        _STEP,
        "{failed}: an ssh server accepted none of the keys that it was offered: {detail}.",
        "Give the build a key that it accepts: `ssh-add -l` lists those of the agent, and ECR_SSH can name a key's "
        "file.",
        printed=r"Permission denied \([a-z,-]*publickey",
    ),
    KnownError(_STEP, FAILED, MEND_STEP),
)

INPUTS = (
    KnownError(
        r"string field contains invalid UTF-8",
        "The build context has a file whose name is not UTF-8, which BuildKit can't be sent.",
        "Rename it, or exclude it in .dockerignore; in the context's folder, `find . | "
        "LC_ALL=C.UTF-8 grep -avx '.*'` finds it.",
        printed=r" > \[(?:internal\] load build context|context \S+\] load from client)",
    ),
    KnownError(
        r"invalid empty ssh agent socket",
        *NO_SSH_AGENT,
    ),
    KnownError(
        r"failed to (?:convert agent config.{0,200}?: failed to )?parse (?P<file>\S+): ssh: "
        r"(?P<why>.{0,200}?passphrase protected)",
        "The ssh key {file} is protected with a passphrase, which a build can't ask for.",
        "Add it to an ssh agent (`ssh-add`) and set ECR_SSH=default.",
    ),
    KnownError(
        r"failed to convert agent config.{0,200}?: (?:stat|failed to parse) (?P<file>\S+): (?P<why>.+)",
        "The build can't use the ssh key or agent {file}: {why}.",
        "Correct ECR_SSH (or ssh in the definition), or SSH_AUTH_SOCK.",
    ),
    KnownError(
        r"unset ssh forward key (?P<name>\S+)",
        "The Dockerfile requires the ssh agent or key {name}, which the build was not given.",
        "Set ECR_SSH={name}, or ECR_SSH={name}=PATH of a key.",
    ),
    KnownError(
        r"secret (?P<name>\S+): not found",
        "The Dockerfile requires the secret {name}, which the build was not given.",
        "Add it to ECR_SECRETS: id={name},env=VARIABLE or id={name},src=FILE.",
    ),
    KnownError(
        r"failed to stat (?P<file>.{1,1000}?): stat ",
        "There is no file {file} to take a secret from.",
        "Correct ECR_SECRETS (or the definition's secret), or write the file.",
    ),
    KnownError(
        r'unable to prepare context: path "(?P<path>[^"]+)" not found'
        r"|failed to get build context \S+: stat (?P<other>.{1,1000}?): no such",
        "There is no folder {path}{other} to build from.",
        "Correct ECR_CONTEXT, ECR_BUILD_CONTEXTS or the definition's contexts.",
    ),
    KnownError(
        r"error from sender: open (?P<path>.{1,1000}?): permission denied",
        "This user may not read {path}, which is in the build context.",
        "Give read permission there, or leave it out by .dockerignore.",
    ),
    KnownError(
        r"required variable (?P<name>\w+) is missing a value",
        FAILED,
        "Set {name} in the environment, or in the .env beside that file (a CI has none), or give it a default there.",
    ),
    KnownError(  # docker compose builds without it; bake does not
        r"env file (?P<file>.{1,1000}?) not found: stat ",
        "docker buildx bake reads a service's env_file, too, and {file} is not there.",
        "Create it (an empty one does for a build), or write it as `path: {file}` with `required: false`.",
    ),
    KnownError(
        r"failed to find target default\b",
        "The definition has no group or target default, so it doesn't say what to publish.",
        'Write group "default" {{ targets = ["NAME"] }} in it, or in one more file (ECR_BAKE_FILE=FILE,MORE.hcl).',
    ),
    KnownError(
        r"failed to find target (?P<name>\S+)",
        "There is no target {name} in the definition.",
        "Correct the name in the bake or compose file; `docker buildx bake --print` shows its targets.",
    ),
    KnownError(
        r'target stage "[^"]*" could not be found',
        FAILED,
        "Correct ECR_TARGET (or target in the definition), or name the stage so in the Dockerfile.",
    ),
    KnownError(
        r"failed to read dockerfile: open [^:]+: no such file",
        FAILED,
        "Correct ECR_DOCKERFILE (or dockerfile in the definition), which counts from the build context.",
    ),
    KnownError(
        r"the Dockerfile cannot be empty",
        FAILED,
        "Write something into it, or let this user read it, if it isn't empty.",
    ),
    KnownError(
        r"base name \([^)]{0,200}\) should not be blank",
        FAILED,
        "Set the build argument in that FROM (ECR_BUILD_ARGS), or give its ARG a default.",
    ),
    KnownError(
        r"failed to (?:compute cache key|calculate checksum).{0,1000}?: not found$",
        FAILED,
        "Correct that path in the Dockerfile, or the .dockerignore that leaves it out.",
    ),
    KnownError(
        r"no space left",
        "{failed}, because a disk is full: {detail}.",
        "Free space there (for the engine's disk: `docker system df`, `docker buildx prune`) and run it again; it "
        "takes up where it stopped.",
    ),
)
