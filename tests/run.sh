#!/bin/sh
# The tests, all of them: installs what is missing, then formatting, lints, documentation, tests, scenarios.
# Needs cargo; the rest is installed by tests/install.sh (as root or with sudo; otherwise it says what to install).
set -eu
cd "$(dirname "$0")/.."

skipped=""
begun=$(date +%s)

step() {
    name=$1
    shift
    printf '\n== %s\n' "$name"
    from=$(date +%s)
    "$@"
    printf '== %s: %s s\n' "$name" "$(($(date +%s) - from))"
}

documented() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --quiet
}

step "what the tests run against" sh tests/install.sh
step "formatting" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
step "documentation" documented
step "tests" cargo test --workspace --all-features --quiet
step "what scenarios cover" cargo run --quiet --bin scenario -- list --missing
if cargo deny --version >/dev/null 2>&1; then
    step "licences and advisories" cargo deny --all-features check licenses bans sources
else
    skipped="$skipped cargo-deny"
fi

printf '\nAll passed in %s s.' "$(($(date +%s) - begun))"
if [ -n "$skipped" ]; then
    printf ' Skipped, as it is not installed:%s.' "$skipped"
else
    printf ' Nothing was skipped.'
fi
printf '\n'
