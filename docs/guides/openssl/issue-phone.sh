#!/bin/sh
# Issues a TLS client certificate that bears a phone number, with OpenSSL 3 and nothing else. Writes it to stdout.
#
#   issue-phone.sh clear     AUTHORITY.pem AUTHORITY.key REQUEST.csr
#   issue-phone.sh encrypted AUTHORITY.pem AUTHORITY.key REQUEST.csr GATEWAY.pem...
#
# Or writes only the extension's value, in DER, for another authority to put in:
#
#   issue-phone.sh envelope REQUEST.csr GATEWAY.pem...
#
# In the environment, as others can see arguments: PHONE (+33612345678); CARD (digits) and EXPIRY (YYYY-MM), if a card
# is to be in it; DAYS (365).
set -eu
umask 077

config=$(dirname "$0")/phone.cnf
refuse() {
    echo "$1" >&2
    exit 1
}

how=${1:-}
case $how in
clear | encrypted)
    [ "$#" -ge 4 ] || refuse "usage: clear|encrypted AUTHORITY.pem AUTHORITY.key REQUEST.csr [GATEWAY.pem...]"
    authority=$2 authority_key=$3 request=$4
    shift 4
    ;;
envelope)
    [ "$#" -ge 2 ] || refuse "usage: envelope REQUEST.csr GATEWAY.pem..."
    request=$2
    shift 2
    ;;
*) refuse "clear, encrypted or envelope?" ;;
esac

# E.164: a plus, a digit that is not 0, 6 to 14 more. What is let through here is what the reader lets through.
: "${PHONE:?is not set}"
digits=${PHONE#+}
case $digits in "$PHONE" | 0* | *[!0-9]*) refuse "PHONE is not a number in E.164" ;; esac
{ [ "${#digits}" -ge 7 ] && [ "${#digits}" -le 15 ]; } || refuse "PHONE is not a number in E.164"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# The record: fixed lengths, so that its length tells nothing; tied to the key that the request asks a certificate for.
write_record() {
    openssl req -in "$request" -noout -pubkey >"$folder/key.pem"
    openssl pkey -pubin -in "$folder/key.pem" -outform DER -out "$folder/key.der"
    PADDED_PHONE=$(printf '%-16s' "$PHONE")
    SALT=$(openssl rand -hex 16)
    KEY_HASH=$(openssl dgst -sha256 -r "$folder/key.der" | cut -d ' ' -f 1)
    export PADDED_PHONE SALT KEY_HASH
    record=record
    if [ -n "${CARD:-}" ]; then
        case $CARD in *[!0-9]*) refuse "CARD is not digits only" ;; esac
        case ${EXPIRY:-} in [0-9][0-9][0-9][0-9]-[01][0-9]) ;; *) refuse "EXPIRY is not YYYY-MM" ;; esac
        PADDED_CARD=$(printf '%-19s' "$CARD")
        export PADDED_CARD EXPIRY
        record=record_with_card
    fi
    openssl asn1parse -genstr "SEQUENCE:$record" -genconf "$config" -noout -out "$folder/record.der"
}

# The envelope, to every gateway that is named. -keyopt belongs to the -recip before it; without it the KDF is SHA-1's.
write_envelope() {
    recipients=$#
    while [ "$recipients" -gt 0 ]; do
        set -- "$@" -recip "$1" -keyopt ecdh_kdf_md:sha256
        shift
        recipients=$((recipients - 1))
    done
    openssl cms -encrypt -binary -outform DER -in "$folder/record.der" -out "$folder/envelope.der" \
        -aes-256-gcm -aes256-wrap -keyid "$@"
}

if [ "$how" = clear ]; then
    [ "$#" -eq 0 ] || refuse "a number in clear is for no gateway in particular"
    [ -z "${CARD:-}" ] || refuse "a card is never in clear"
else
    [ "$#" -ge 1 ] || refuse "name the gateways that may read the number"
    write_record
    write_envelope "$@"
    if [ "$how" = envelope ]; then
        cat "$folder/envelope.der"
        exit 0
    fi
    ENVELOPE=$(od -An -v -tx1 "$folder/envelope.der" | tr -d ' \n')
    export ENVELOPE
fi

# Extensions that the request asks for are not taken over: a holder must not write the number.
# OpenSSL checks here that the request is signed with its key.
export PHONE
openssl x509 -req -in "$request" -CA "$authority" -CAkey "$authority_key" -set_serial "0x$(openssl rand -hex 16)" \
    -sha256 -days "${DAYS:-365}" -extfile "$config" -extensions "$how"
