#!/usr/bin/env bash
# Installs the servers and tools that tests need and this machine lacks: Debian or Ubuntu, as root.
# Elsewhere it says what is missing and goes on, unless CI=true. Nothing missing: quick and silent.
# The tests start their own servers, so the packages' services are kept from starting.
set -euo pipefail

policy=/usr/sbin/policy-rc.d

missing_packages() {
    have rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server || echo rabbitmq-server
    have initdb /usr/lib/postgresql/*/bin/initdb || echo postgresql
    have postfix /usr/sbin/postfix || echo postfix
    have dovecot /usr/sbin/dovecot || echo dovecot-imapd
    have spamassassin || echo spamassassin
    have promtool || echo prometheus
    have javac || echo default-jdk-headless
    have - /usr/share/java/jaxb-runtime.jar || echo libjaxb-java
    have chromium /usr/bin/chromium || echo chromium
    have node || echo nodejs
    have npm || echo npm
    have systemd-analyze || echo systemd
}

# have COMMAND [FILE…]: the command is on the path, or one of the files exists.
have() {
    local file
    for file in "${@:2}"; do
        [ -e "$file" ] && return
    done
    command -v "$1" >/dev/null
}

can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

keep_services_from_starting() {
    trap put_policy_back EXIT
    [ ! -e "$policy" ] || mv "$policy" "$policy.kansli"
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

put_policy_back() {
    rm -f "$policy"
    [ ! -e "$policy.kansli" ] || mv "$policy.kansli" "$policy"
}

install_packages() {
    echo "Installing for the tests: $*"
    keep_services_from_starting
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update
    quietly apt-get install --yes --no-install-recommends "$@"
}

# quietly COMMAND…: its output is shown only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || { echo "$output" >&2 && return 1; }
}

mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} = 0 ]; then
    exit
elif can_install; then
    install_packages "${missing[@]}"
else
    echo "Missing for the tests: ${missing[*]} (Debian's names). What needs them is skipped." >&2
    [ "${CI:-}" != true ]
fi
