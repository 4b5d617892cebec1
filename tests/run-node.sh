#!/bin/bash
# Runs the interop and browser tests: tests/run-node.sh [file.test.mjs ...]; all of them by default.
# The programs are taken from $STARLING_BUILD (default: build/release of this repository).
# $NODE_TEST_FILES files run at the same time (default: 1).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

files=()
for file in "$@"; do
    # As given from the caller's folder, or relative to tests/.
    if [[ -e "$OLDPWD/$file" ]]; then files+=("$(realpath "$OLDPWD/$file")"); else files+=("$file"); fi
done
if [[ ${#files[@]} -eq 0 ]]; then files=(interop/*.test.mjs browser/*.test.mjs); fi

if [[ -n "${STARLING_BUILD:-}" && "$STARLING_BUILD" != /* ]]; then
    STARLING_BUILD=$(realpath "$OLDPWD/$STARLING_BUILD")
    export STARLING_BUILD
fi

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "run-node.sh: Node.js 18 or later and npm are needed (Debian: nodejs npm)" >&2
    exit 2
fi

# npm ci once per lock file: the copy beside the packages tells which one they came from.
if ! cmp -s package-lock.json node_modules/.installed-lock; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed-lock
fi

# If the output is no terminal, it is a log that tools/failures.py reads, so it must be TAP.
reporter=()
if [[ ! -t 1 ]] && node --test-reporter=tap -e 0 2>/dev/null; then reporter=(--test-reporter=tap); fi

# A file that waits for something that does not come must not hold the others up. Node.js 18 has no such option.
limit=()
if node --test-timeout=1 -e 0 2>/dev/null; then limit=(--test-timeout=300000); fi

exec node --test --test-concurrency="${NODE_TEST_FILES:-1}" "${limit[@]}" "${reporter[@]}" "${files[@]}"
