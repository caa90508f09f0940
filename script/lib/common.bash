# Sourced by the scripts here: where things are kept, and calm words on stderr.
# shellcheck shell=bash

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# All that the scripts keep outside the checkout: the private engine, the registry clients, root file systems.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ecr-tasks
: "$checkout" "$cache" # for those who source this

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$@"
  exit 1
}

# pass_signals COMMAND…: runs it and, when a signal is to end us, ends it first and lets it clean up. A shell by itself
# would wait for the command and only then look at the signal.
pass_signals() {
  local child status=0 signalled=0
  "$@" <&0 &
  child=$!
  trap 'signalled=130; kill -TERM "$child" 2>/dev/null || true' INT
  trap 'signalled=143; kill -TERM "$child" 2>/dev/null || true' TERM
  wait "$child" || status=$?
  if ((signalled)); then
    wait "$child" || true
    exit "$signalled"
  fi
  trap - INT TERM
  return "$status"
}
