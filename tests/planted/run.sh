#!/bin/sh
# Shows that bugs are found: tests/planted/run.sh [PATCH...]
# Each patch here is a bug that somebody could make. It is applied to a copy of the last commit, and its first lines say what
# finds it: by each "Rule: RULE" the campaign must fail, and each "Test: TARGET NAME" must fail.
set -eu
cd "$(dirname "$0")/../.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export COUNTERSIGN_KILLS="${COUNTERSIGN_KILLS:-60}" COUNTERSIGN_SEED="${COUNTERSIGN_SEED:-1}"
export COUNTERSIGN_SET_KILLS="${COUNTERSIGN_SET_KILLS:-20}"
export COUNTERSIGN_WALLET_KILLS="${COUNTERSIGN_WALLET_KILLS:-40}"
# Of its own, and kept: what depends on the project's place is built once.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/planted}"

in_copy() {
    (cd "$copy" && "$@" >"$copy/said" 2>&1)
}

campaign() {
    in_copy cargo test --quiet -p countersign-tests --test campaign -- --nocapture
}

# What is given fails by what is named; what was said ends with it when it does not.
must_fail_by() {
    named=$1
    shift
    if "$@"; then
        echo "$patch: NOT found by \"$named\"" >&2
        exit 1
    fi
    if ! grep -q "$named" "$copy/said"; then
        tail -n 30 "$copy/said" >&2
        echo "$patch: something failed, but not by \"$named\"" >&2
        exit 1
    fi
    echo "$patch: found, $(grep -c "$named" "$copy/said") times: $named"
}

# With the time of now, so that cargo builds it: what the last run left may be built with a bug that was not found.
git archive HEAD | tar -x -m -C "$copy"
for patch in ${*:-tests/planted/*.patch}; do
    rule=$(sed -n 's/^Rule: //p' "$patch")
    read -r target test <<EOF
$(sed -n 's/^Test: //p' "$patch")
EOF
    (cd "$copy" && git apply --unsafe-paths --directory="$copy" /dev/stdin) <"$patch"
    if [ -n "$test" ]; then
        must_fail_by "test $test ... FAILED" \
            in_copy cargo test -p countersign-tests --test "$target" -- --exact "$test"
    fi
    if [ -n "$rule" ]; then
        must_fail_by "$rule" campaign
    fi
    (cd "$copy" && git apply --unsafe-paths --directory="$copy" --reverse /dev/stdin) <"$patch"
done
campaign || { tail -n 30 "$copy/said" >&2; echo "without a planted bug the campaign fails" >&2; exit 1; }
echo "without a planted bug: passed"
