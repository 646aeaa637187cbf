#!/usr/bin/env bash
# The whole suite, each part of the tests in a process of its own: what native libraries (VTK, FFmpeg, OpenVINO, torch)
# leave behind in one does not reach the next. Two parts run beside each other where there are two cores; each line
# names its part. A process that a signal ends is told and run once more; a test that fails is not.
# Temporary files, databases among them, lie in memory where there is room: tests kill processes, not machines.
set -u -o pipefail
cd "$(dirname "$0")/.."
export PYTHON=$1 ENDS
ENDS=$(mktemp -d)
trap 'rm -rf "$ENDS"' EXIT

room_mib=$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)
free_mib=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo 2>/dev/null)
if [ "${room_mib:-0}" -ge 8192 ] && [ "${free_mib:-0}" -ge 16384 ] && [ -w /dev/shm ]; then
  TMPDIR=$(mktemp -d /dev/shm/beatgrid-tests-XXXXXX)
  export TMPDIR
  chmod 755 "$TMPDIR" # PostgreSQL's server runs as another user where we are root
  trap 'rm -rf "$ENDS" "$TMPDIR"' EXIT
fi

# Runs one part: its name, and what pytest is to collect.
run_part() {
  local name=$1 attempt status
  shift
  for attempt in 1 2; do
    COVERAGE_FILE=.coverage.$name "$PYTHON" -X faulthandler -m pytest --durations=10 --durations-min=20 ${COVERAGE:+--cov --cov-report=} "$@" 2>&1 |
      tee "$ENDS/$name.log" | sed -u "s/^/$name: /"
    status=${PIPESTATUS[0]}
    [ "$status" -gt 128 ] || break
    echo "== $name: ended by signal $((status - 128)) (attempt $attempt of 2)" >&2
  done
  echo "$name: $(tail -n 1 "$ENDS/$name.log")" >>"$ENDS/summary"
  return "$status"
}
export -f run_part

# The longest first, so that no lane is left with one of them at the end; unit tests in two parts, file by file.
parts=()
for name in $(printf '%s\n' faults unit replay browser contract api tests/*/ | sed 's|^tests/||; s|/$||' | awk '!seen[$0]++'); do
  files=(tests/"$name"/test_*.py)
  [ -e "${files[0]}" ] || continue
  if [ "$name" = unit ]; then
    halves=("unit-1" "unit-2")
    for index in "${!files[@]}"; do halves[index % 2]+=" ${files[index]}"; done
    parts+=("${halves[@]}")
  else
    parts+=("$name tests/$name")
  fi
done

lanes=$(nproc 2>/dev/null || echo 1)
[ "$lanes" -le 2 ] || lanes=2
rm -f .coverage .coverage.*
printf '%s\0' "${parts[@]}" | xargs -0 -n 1 -P "$lanes" bash -c 'run_part $0'
worst=$?
echo
cat "$ENDS/summary"
if [ "$worst" -ne 0 ]; then # last, where a log that is cut to its end still shows it: what failed, and why
  for log in "$ENDS"/*.log; do
    { grep -E '^(E  |FAILED |ERROR )' "$log" || true; } | cut -c 1-200 | tail -n 40
  done
  exit 1
fi
[ -n "${COVERAGE:-}" ] || exit 0
"$PYTHON" -m coverage combine --quiet
"$PYTHON" -m coverage report --skip-covered
