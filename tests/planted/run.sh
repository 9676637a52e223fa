#!/bin/sh
# Shows that the campaign finds bugs: tests/planted/run.sh [PATCH...]
# Each patch here is a bug that somebody could make. It is applied to a copy of the last commit, and the campaign must
# fail by the rule that the patch's first line names.
set -eu
cd "$(dirname "$0")/../.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export COUNTERSIGN_KILLS="${COUNTERSIGN_KILLS:-60}" COUNTERSIGN_SEED="${COUNTERSIGN_SEED:-1}"
export COUNTERSIGN_SET_KILLS="${COUNTERSIGN_SET_KILLS:-20}"
export COUNTERSIGN_WALLET_KILLS="${COUNTERSIGN_WALLET_KILLS:-40}"
# Of its own, and kept: what depends on the project's place is built once.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/planted}"

campaign() {
    (cd "$copy" && cargo test --quiet -p countersign-tests --test campaign -- --nocapture >"$copy/said" 2>&1)
}

git archive HEAD | tar -x -C "$copy"
for patch in ${*:-tests/planted/*.patch}; do
    rule=$(sed -n '1s/^Rule: //p' "$patch")
    (cd "$copy" && git apply --unsafe-paths --directory="$copy" /dev/stdin) <"$patch"
    if campaign; then
        echo "$patch: NOT found" >&2
        exit 1
    fi
    if ! grep -q "$rule" "$copy/said"; then
        tail -n 30 "$copy/said" >&2
        echo "$patch: the campaign failed, but not by \"$rule\"" >&2
        exit 1
    fi
    echo "$patch: found, $(grep -c "$rule" "$copy/said") times: $rule"
    (cd "$copy" && git apply --unsafe-paths --directory="$copy" --reverse /dev/stdin) <"$patch"
done
campaign || { tail -n 30 "$copy/said" >&2; echo "without a planted bug the campaign fails" >&2; exit 1; }
echo "without a planted bug: passed"
