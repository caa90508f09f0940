# Sourced after common.bash: the virtual environment in the checkout, with this project installed as it stands.
# shellcheck shell=bash

# DEPENDENCIES=newest takes the newest versions that pyproject.toml allows, into an environment of their own, in place of
# those that requirements/ has (script/lock).
case ${DEPENDENCIES:=locked} in
  locked) venv=${checkout:?}/.venv ;;
  newest) venv=${checkout:?}/.venv-newest ;;
  *) fail "DEPENDENCIES is locked or newest, not $DEPENDENCIES." ;;
esac

# The first Python on PATH that is new enough.
find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  say "No Python of at least 3.10 is on PATH. Install one, then run this again."
  exit 3
}

# What an environment depends on; one that was made for another state is brought up to date.
venv_state() {
  printf '%s' "$(cd "$checkout" && cat pyproject.toml requirements/*.txt | cksum) $checkout"
  # What is newest today may not be so tomorrow.
  if [[ $DEPENDENCIES == newest ]]; then date +" %F"; else echo; fi
}

# venv_ready KIND: whether it is there and up to date. What has the development tools has everything.
venv_ready() {
  local state other
  state=$(venv_state)
  for other in "$1" dev; do
    if [[ $(cat "$venv/made-for-$other" 2>/dev/null) == "$state" ]] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
  done
  return 1
}

# ensure_venv [dev]: makes it what pyproject.toml and the lock ask for, with the development tools where "dev" is given.
ensure_venv() {
  local kind=${1:-run} state
  if venv_ready "$kind"; then return; fi
  # What is changed meanwhile is not what is installed.
  state=$(venv_state)
  say "Installing ecr-tasks into ${venv#"$PWD"/}."
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$(find_python)" -m venv "$venv" >&2 || {
      say "Python can't make a virtual environment here. Debian and its like have that in the package python3-venv."
      exit 3
    }
  fi
  with_progress "Downloading and installing what it needs" "$venv" "install_$DEPENDENCIES" "$kind" || exit 1
  printf '%s\n' "$state" >"$venv/made-for-$kind"
}

# uv does in four seconds what takes pip a minute. pip brings it, in the version and with the hashes of the lock; where uv
# can't install (an index with a login of pip's own, say), pip does it all.
install_locked() {
  local arguments=(--require-hashes --requirement "$checkout/requirements/$1.txt")
  sed -n '/^uv==/,/^ *# via/p' "$checkout/requirements/dev.txt" >"$venv/uv.txt"
  pip_install --require-hashes --requirement "$venv/uv.txt"
  uv_install "${arguments[@]}" || pip_install "${arguments[@]}"
  # Everything is there now, what builds it included; without these options that would be fetched anew, in any version.
  arguments=(--no-deps --no-build-isolation --editable "$checkout")
  uv_install "${arguments[@]}" || pip_install "${arguments[@]}"
}

# uv_install ARGUMENT…: with the indexes of pip's configuration, which uv doesn't read. The hashes say what is taken, so that
# it doesn't matter which index has it. Compiled at once, as pip does: Invoke leaves no bytecode behind.
uv_install() {
  local name value
  (
    while IFS='=' read -r name value; do
      # pip prints a text as Python does: 'one\ntwo'.
      value=${value#\'} value=${value%\'} value=${value//\\n/ } value=${value# }
      case $name in
        *.index-url) export UV_DEFAULT_INDEX=$value ;;
        *.extra-index-url) export UV_INDEX=$value UV_INDEX_STRATEGY=unsafe-best-match ;;
        *.find-links) export UV_FIND_LINKS=${value// /,} ;;
        *.no-index) export UV_NO_INDEX=$value ;;
        *.cert) export SSL_CERT_FILE=$value ;;
      esac
    done < <("$venv/bin/python" -m pip config list)
    # Of ours, so that script/clean takes it along.
    export UV_CACHE_DIR=${cache:?}/uv
    "$venv/bin/uv" --quiet --no-progress --no-config pip install --python "$venv/bin/python" --compile-bytecode "$@"
  ) >"$venv/uv.log" 2>&1
}

install_newest() {
  local group=()
  [[ $1 == run ]] || group=(--group "$1")
  # --group came with pip 25.1.
  pip_install --upgrade 'pip>=25.1'
  (cd "$checkout" && pip_install --upgrade --upgrade-strategy eager --editable . ${group[@]+"${group[@]}"})
}

pip_install() {
  "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@" >"$venv/pip.log" 2>&1 || {
    tail -n 20 "$venv/pip.log" >&2
    fail "pip could not install what ecr-tasks needs; its words are above."
  }
}

# Compiles the package, as pip does for one that isn't editable: Invoke leaves no bytecode behind, and every `inv` would
# compile all of it anew, a tenth of a second and more.
compile_package() {
  "$venv/bin/python" -m compileall -q "$checkout/ecr_tasks" || true
}
