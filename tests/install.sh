#!/bin/sh
# Installs the Debian packages that the tests run against, if any is missing. Asks nothing.
# Needs root or sudo without a password; otherwise it says what to install, and ends with 1.
set -eu

packages="git osmo-msc osmo-hlr gcc libc6-dev curl openssl python3 python3-venv chromium chromium-driver libnss3-tools gnutls-bin fonts-dejavu-core util-linux sqlite3 softhsm2 opensc default-jdk-headless libbcprov-java libbcpkix-java tshark spass eprover postgresql"
# Fetches the accessibility rules (axe-core); whoever has it from elsewhere keeps that.
command -v npm >/dev/null 2>&1 || packages="$packages npm"

missing=""
for package in $packages; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root="env"
elif command -v sudo >/dev/null && sudo --non-interactive true 2>/dev/null; then
    as_root="sudo --non-interactive env"
else
    echo "Please install as root: apt-get install$missing" >&2
    exit 1
fi

install_missing() {
    # shellcheck disable=SC2086 # both are lists of words
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends install $missing >/dev/null
}

# Package lists that are missing or old are fetched only then.
install_missing 2>/dev/null || { $as_root apt-get -qq update && install_missing; }
