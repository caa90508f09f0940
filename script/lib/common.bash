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
