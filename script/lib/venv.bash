# Sourced after common.bash: the virtual environment in the checkout, with this project installed as it stands.
# shellcheck shell=bash

venv=${checkout:?}/.venv

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

# ensure_venv [dev]: makes it what pyproject.toml asks for, with the development tools where "dev" is given.
ensure_venv() {
  local kind=${1:-run} wanted other
  wanted="$(cksum <"$checkout/pyproject.toml") $checkout"
  # What has the tools has everything.
  for other in "$kind" dev; do
    if [[ $(cat "$venv/made-for-$other" 2>/dev/null) == "$wanted" ]] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
  done
  say "Installing ecr-tasks into ${venv#"$PWD"/}."
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$(find_python)" -m venv "$venv" >&2 || {
      say "Python can't make a virtual environment here. Debian and its like have that in the package python3-venv."
      exit 3
    }
  fi
  if [[ $kind == dev ]]; then
    # --group came with pip 25.1.
    pip_install --upgrade 'pip>=25.1'
    (cd "$checkout" && pip_install --editable . --group dev)
  else
    pip_install --editable "$checkout"
  fi
  printf '%s\n' "$wanted" >"$venv/made-for-$kind"
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
