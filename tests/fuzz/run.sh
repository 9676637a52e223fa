#!/bin/sh
# Every fuzz target for some seconds, from its seeds: tests/fuzz/run.sh [--light] [SECONDS] [TARGET...]
# --light leaves out those for which the whole server has to be built, as tests/run.sh does. What is found is kept in corpus/,
# crashes in artifacts/.
set -eu
cd "$(dirname "$0")"

targets=$(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
features=whole
chosen=$targets
if [ "${1:-}" = --light ]; then
    features=
    chosen=$(awk -F '[/.]' '/^\[\[bin/ { if (t) print t; t = "" } /^path = "targets/ { t = $2 } /^required-features/ { t = "" }
        END { if (t) print t }' Cargo.toml)
    shift
fi
seconds=${1:-5}
[ $# -eq 0 ] || shift

for target in $targets; do
    [ -d "seeds/$target" ] || { echo "seeds/$target is missing: a target begins with something" >&2; exit 1; }
done
for seeds in seeds/*; do
    case " $(echo $targets) " in
    *" ${seeds#seeds/} "*) ;;
    *) echo "$seeds belongs to no target" >&2; exit 1 ;;
    esac
done

cargo fuzz --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-fuzz --version 0.13.2
# Coverage takes flags that stable compilers have under this name only. No sanitizer: our crates have no unsafe code, and
# what is looked for is panics, overflows, broken properties, endless loops and memory without bound.
RUSTC_BOOTSTRAP=1 cargo fuzz build --features "$features" --sanitizer none --target-dir target 2>build.log || { cat build.log >&2; exit 1; }
rm -f build.log
programs=$(echo target/*/release)

for target in ${*:-$chosen}; do
    mkdir -p "corpus/$target" "artifacts/$target"
    if ! "$programs/$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -timeout=5 \
        -rss_limit_mb=2048 -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"artifacts/$target/log" 2>&1; then
        tail -n 40 "artifacts/$target/log" >&2
        echo "fuzz: $target failed; the input is in tests/fuzz/artifacts/$target. Again with:" >&2
        echo "  cd tests/fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none $target artifacts/$target/FILE" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "artifacts/$target/log")
    echo "fuzz: $target held for $runs inputs"
done
