#!/usr/bin/env bash
# The whole suite, each folder of tests in a process of its own: what native libraries (VTK, FFmpeg, OpenVINO, torch)
# leave behind in one does not reach the next. A process that a signal ends is told and run once more; a test that
# fails is not.
set -u -o pipefail
cd "$(dirname "$0")/.."
python=$1
rm -f .coverage
worst=0
for part in tests/*/; do
  [ -n "$(find "$part" -maxdepth 1 -name 'test_*.py' -print -quit)" ] || continue
  for attempt in 1 2; do
    echo "== $part"
    "$python" -X faulthandler -m pytest --cov --cov-append --cov-report= "$part"
    status=$?
    [ "$status" -gt 128 ] || break
    echo "== $part: ended by signal $((status - 128)) (attempt $attempt of 2)" >&2
  done
  [ "$status" -eq 0 ] || worst=$status
done
[ "$worst" -eq 0 ] || exit "$worst"
"$python" -m coverage report --skip-covered
