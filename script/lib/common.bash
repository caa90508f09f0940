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

# pass_signals COMMAND…: runs it, and ends it when we are to end: a shell by itself would wait for it and then do so.
pass_signals() {
  local child status=0
  "$@" <&0 &
  child=$!
  trap 'kill -TERM "$child" 2>/dev/null || true' INT TERM
  wait "$child" || status=$?
  # A signal ends the first wait; the second one is for the child's own end.
  if ((status > 128)); then
    wait "$child" || status=$?
  fi
  trap - INT TERM
  return "$status"
}
