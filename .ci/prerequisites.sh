#!/usr/bin/env bash
# Says in one line what set-up lacks. `python` prints the interpreter to use; `npm` only checks.
set -eu
die() { echo "setup: $1" >&2; exit 3; }
case "${1:?python or npm}" in
  python)
    for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
      if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        "$name" -c 'import ensurepip, venv' 2>/dev/null \
          || die "$name has no venv module; on Debian: apt-get install python3-venv"
        command -v "$name"
        exit 0
      fi
    done
    die "Python 3.11 or newer is missing; on Debian 12: apt-get install python3 python3-venv"
    ;;
  npm)
    command -v npm >/dev/null && command -v node >/dev/null \
      || die "npm is missing (it fetches the pages' JavaScript once); on Debian: apt-get install npm"
    ;;
  *) die "unknown prerequisite $1" ;;
esac
