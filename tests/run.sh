#!/bin/sh
# Everything that must pass, in one command: tests/run.sh
# Installs what is missing (tests/install.sh: as root or with sudo; otherwise it says what to install). Needs cargo, and
# the network the first time.
set -eu
cd "$(dirname "$0")/.."

begun=$(date +%s)
running=""
passed=""
skipped=""

report() {
    status=$?
    [ "$status" -eq 0 ] || printf '\nFAILED: %s. Passed before it:%s.\n' "${running:-the beginning}" "${passed:- nothing}" >&2
}
trap report EXIT
trap 'exit 130' INT TERM

step() {
    running=$1
    shift
    printf '\n== %s\n' "$running"
    from=$(date +%s)
    "$@"
    printf '== %s: %s s\n' "$running" "$(($(date +%s) - from))"
    passed="${passed:+$passed,} $running"
}

# With the examples, for which cargo takes the features that the lints' build has: nothing is built a second time.
documentation() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --lib --bins --examples --quiet
}

# The program that the tests were run with; `cargo run` would build it again with fewer features, and all that it stands on.
scenario() {
    "${CARGO_TARGET_DIR:-target}/debug/scenario" "$@"
}

step "installation" sh tests/install.sh
step "formatting" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
step "documentation" documentation
step "tests" cargo test --workspace --all-features --quiet
step "scenarios" scenario run
step "coverage" scenario list --missing
step "fuzzing, for a short while" tests/fuzz/run.sh --light 3
if cargo deny --version >/dev/null 2>&1; then
    # The advisories change from day to day: `cargo deny check advisories` asks for them.
    step "licences and sources" cargo deny check licenses bans sources
else
    skipped=" licences and sources (cargo-deny is not installed)"
fi

printf '\nPassed in %s s:%s. Skipped:%s.\n' "$(($(date +%s) - begun))" "$passed" "${skipped:- nothing}"
