#!/bin/sh
# Runs containers from Amazon ECR on this host: on Amazon Linux 2023, on Debian and on Ubuntu.
#
#   ecr-tasks-host install          Docker, and one systemd unit for each folder in /etc/ecr-tasks
#   ecr-tasks-host pull SERVICE     pulls its image, by digest, unless it is here
#   ecr-tasks-host run SERVICE      runs it in the foreground
#   ecr-tasks-host refresh SERVICE  looks what its tag has by now, and restarts it where that is another image
#
# A service's folder has: registry and region and api (of ECR), image (by digest), tag (by tag; only where it is to
# be followed), arguments (of docker run, one a line), env (docker's env-file).
# The instance's role logs in, for each pull anew; nothing of a login stays on the disk.
set -eu
umask 077
: "${HOME:=/root}"
export HOME
etc=${ECR_TASKS_ROOT:-}/etc/ecr-tasks
state=${ECR_TASKS_ROOT:-}/var/lib/ecr-tasks
metadata=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}

say() { printf 'ecr-tasks-host: %s\n' "$*" >&2; }

# field NAME: a member of the JSON object on stdin, where it is a text without escapes.
field() { tr -d '\n' | sed -n "s|.*\"$1\"[[:space:]]*:[[:space:]]*\"\([^\"]*\)\".*|\1|p"; }

read_file() { cat "$etc/$service/$1"; }

# The image to run: what the last refresh found where a tag is followed, else what the user data names.
image() {
  if [ -e "$etc/$service/tag" ] && [ -s "$state/$service.image" ]; then cat "$state/$service.image"; else read_file image; fi
}

# metadata_of PATH: from the instance's metadata service, version 2. The token comes on stdin, as curl's configuration.
# Where nothing answers, this ends within a minute: a host whose metadata service is off, or that isn't on EC2.
metadata_of() { curl -fsS --connect-timeout 5 --max-time 15 --retry 3 --config - "$metadata/latest/$1"; }

# A registry token by the role's keys, which no argument and no file has: `ps` shows the one, a disk keeps the other.
registry_token() {
  session=$(printf 'header = "X-aws-ec2-metadata-token-ttl-seconds: 60"\nrequest = PUT\n' | metadata_of api/token) || {
    say "The instance metadata service gives no session. Is it switched on (IMDSv2) for this instance?"
    return 1
  }
  session="header = \"X-aws-ec2-metadata-token: $session\""
  role=$(printf '%s\n' "$session" | metadata_of meta-data/iam/security-credentials/) || {
    say "This instance has no role: give it an instance profile that may pull (inv iam.policy --for pull)."
    return 1
  }
  keys=$(printf '%s\n' "$session" | metadata_of "meta-data/iam/security-credentials/$role")
  answer=$(printf 'user = "%s:%s"\nheader = "X-Amz-Security-Token: %s"\n' \
    "$(printf '%s' "$keys" | field AccessKeyId)" "$(printf '%s' "$keys" | field SecretAccessKey)" \
    "$(printf '%s' "$keys" | field Token)" |
    curl -sS --fail-with-body --connect-timeout 10 --max-time 60 --retry 5 --config - \
      --aws-sigv4 "aws:amz:$(read_file region):ecr" \
      -H 'Content-Type: application/x-amz-json-1.1' \
      -H 'X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' \
      -d '{}' "$(read_file api)/") || {
    say "ECR gives no token to the role $role (inv iam.policy --for pull prints what it needs): $answer"
    return 1
  }
  printf '%s' "$answer" | field authorizationToken | base64 -d | sed 's/^AWS://'
}

# Logs docker in for this run of the script alone.
log_in() {
  registry=$(read_file registry)
  DOCKER_CONFIG=$(mktemp -d "${RUNTIME_DIRECTORY:-/tmp}/ecr-tasks.XXXXXX")
  export DOCKER_CONFIG
  trap 'rm -rf "$DOCKER_CONFIG"' EXIT
  trap 'exit 143' HUP INT TERM
  case $registry in
    public.ecr.aws | ecr-public.aws.com) return ;; # everybody may pull there
    *.dkr.ecr.*.amazonaws.com | *.dkr.ecr.*.amazonaws.com.cn) helper=docker-credential-ecr-login ;;
    *) helper= ;; # older helpers don't know the other hosts
  esac
  export AWS_ECR_DISABLE_CACHE=true # the helper would keep tokens in ~/.ecr
  # It doesn't say what goes wrong; the way by hand does.
  if [ -n "$helper" ] && printf '%s' "$registry" | "$helper" get >/dev/null 2>&1; then
    printf '{"credHelpers": {"%s": "ecr-login"}}\n' "$registry" >"$DOCKER_CONFIG/config.json"
  else
    token=$(registry_token)
    answer=$(printf '%s' "$token" | docker login --username AWS --password-stdin "$registry" 2>&1) || {
      say "$registry does not take the token of this instance's role: $answer"
      return 1
    }
  fi
}

# Docker that is here already, such as Docker's own packages, stays: the distribution's would replace it.
install() {
  if command -v dnf >/dev/null; then
    command -v docker >/dev/null || dnf -y -q install docker
    dnf -y -q install amazon-ecr-credential-helper || say "No credential helper here; the script logs in by itself."
  elif command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    # Another one may be at it at the first boot (apt-daily); the lists' lock has no timeout.
    for _ in 1 2 3 4 5 6; do
      apt-get -q update && break
      sleep 10
    done
    apt-get -q -y -o DPkg::Lock::Timeout=300 install ca-certificates curl
    command -v docker >/dev/null || apt-get -q -y -o DPkg::Lock::Timeout=300 install docker.io
    # Debian 13 has the client in a package of its own.
    command -v docker >/dev/null || apt-get -q -y -o DPkg::Lock::Timeout=300 install docker-cli
    apt-get -q -y -o DPkg::Lock::Timeout=300 install amazon-ecr-credential-helper ||
      say "No credential helper here; the script logs in by itself."
  else
    say "This is neither Amazon Linux 2023 nor Debian nor Ubuntu: there is no dnf and no apt-get."
    return 1
  fi
  systemctl daemon-reload
  systemctl enable --now docker.service
  for folder in "$etc"/*/; do
    service=$(basename "$folder")
    systemctl enable --now --no-block "ecr-tasks@$service.service"
    [ ! -e "$folder/tag" ] || systemctl enable --now "ecr-tasks-refresh@$service.timer"
  done
}

pull() {
  docker image inspect "$(image)" >/dev/null 2>&1 && return
  log_in
  docker pull -q "$(image)" >/dev/null
}

run() {
  docker rm -f "$service" >/dev/null 2>&1 || :
  set --
  while IFS= read -r argument; do set -- "$@" "$argument"; done <"$etc/$service/arguments"
  exec docker run --rm --pull never --log-driver local --name "$service" --env-file "$etc/$service/env" "$@" "$(image)"
}

refresh() {
  log_in
  tagged=$(read_file tag)
  pulled=$(docker pull "$tagged")
  digest=$(printf '%s\n' "$pulled" | sed -n 's/^Digest: //p')
  old=$(image)
  new=${old%@*}@$digest
  if [ -z "$digest" ] || [ "$new" = "$old" ]; then return; fi
  docker pull -q "$new" >/dev/null
  mkdir -p "$state"
  printf '%s\n' "$new" >"$state/$service.new"
  mv "$state/$service.new" "$state/$service.image"
  say "$service: $tagged is $digest now"
  systemctl try-restart "ecr-tasks@$service.service" # one that somebody stopped stays so
  docker image rm "$old" >/dev/null 2>&1 || : # another container may use it
}

service=${2:-}
case ${1:-} in
  install) install ;;
  pull | run | refresh)
    [ -d "$etc/$service" ] && [ -n "$service" ] || {
      say "There is no service '$service' in $etc."
      exit 2
    }
    "$1"
    ;;
  *)
    sed -n 's/^# \{0,1\}//p' "$0" | sed -n '1,6p' >&2
    exit 2
    ;;
esac
