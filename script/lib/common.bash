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

# with_progress TEXT FOLDER COMMAND…: runs it, and tells meanwhile for how long and how much lies in FOLDER by now: on a
# terminal in one line that changes, elsewhere in a line every ten seconds. What took a second ends with a line.
with_progress() {
  local text=$1 folder=$2 start=$SECONDS ticker status=0
  shift 2
  tick "$text" "$folder" >&2 &
  ticker=$!
  "$@" || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
  if ((status == 0 && SECONDS > start)); then say "  $text: $((SECONDS - start)) s$(megabytes "$folder")"; fi
  return "$status"
}

tick() {
  local start=$SECONDS elapsed
  # A lock of the caller's must not be held by this one.
  exec 9>&- </dev/null
  # $$ is the script itself, also here; what is shown ends with it, however it ends.
  while sleep 1 && kill -0 "$$" 2>/dev/null; do
    elapsed=$((SECONDS - start))
    if [[ -t 2 ]]; then
      printf '\r\033[K  %s … %s s%s' "$1" "$elapsed" "$(megabytes "$2")" >&2
    elif ((elapsed % 10 == 0)); then
      say "  $1 … $elapsed s$(megabytes "$2")"
    fi
  done
}

# megabytes FOLDER: ", 12 MB", or nothing for less than one.
megabytes() {
  local size
  size=$(du -sm "$1" 2>/dev/null | cut -f1) || true
  if ((${size:-0} > 1)); then printf ', %s MB' "$size"; fi
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
