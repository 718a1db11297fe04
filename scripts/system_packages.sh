#!/bin/sh
# Install the Debian packages that the tests drive; where that isn't possible, name them in one line.
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
command -v logrotate >/dev/null || [ -x /usr/sbin/logrotate ] || missing="$missing logrotate"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/tmp/stepwire-apt.log 2>&1 && exit 0
  tail -5 /tmp/stepwire-apt.log
fi
echo "The tests need these Debian packages: apt-get install$missing" >&2
exit 1
