#!/bin/sh
# Installs, upgrades, removes and purges the packages in a fresh Debian below a folder, with mail in it, and says what is left.
# As root: debootstrap --variant=minbase --include=systemd,man-db bookworm ROOT, then  tools/try-packages.sh ROOT FOLDER-OF-DEBS
set -eu
root=$1
debs=$2
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
check() {
  if in_root sh -c "$2" >"$root/debs/log" 2>&1; then echo "ok    $1"; else echo "WRONG $1"; cat "$root/debs/log"; exit 1; fi
}
arch=$(in_root dpkg --print-architecture)
rm -rf "$root/debs"
mkdir "$root/debs"
cp "$debs"/fieldpost-*_"$arch".deb "$root/debs/"
mount --bind /proc "$root/proc" 2>/dev/null || true
trap 'umount "$root/proc" 2>/dev/null || true' EXIT

in_root dpkg --purge fieldpost-agent fieldpost-hub >/dev/null 2>&1 || true
rm -rf "$root/etc/fieldpost" "$root/var/lib/fieldpost-agent" "$root/var/lib/fieldpost-hub"
in_root sh -c 'dpkg -i /debs/fieldpost-agent_*.deb /debs/fieldpost-hub_*.deb' >"$root/debs/log" 2>&1 || { cat "$root/debs/log"; exit 1; }
in_root dpkg-query -W -f '      ${Package} ${Version} ${Architecture}: ${Installed-Size} KB installed\n' fieldpost-agent fieldpost-hub
check 'both programs start, and say their version' 'agent --version && hub --version'
check 'each has a user of its own, and both the group' 'id fieldpost-agent && id fieldpost-hub && getent group fieldpost'
check 'the data folders are their own' '[ "$(stat -c %U:%a /var/lib/fieldpost-agent)" = fieldpost-agent:700 ] && [ "$(stat -c %U:%a /var/lib/fieldpost-hub)" = fieldpost-hub:700 ]'
check 'keys can be written by both, and read by nobody else' '[ "$(stat -c %a /etc/fieldpost)" = 1770 ]'
check 'manual pages and completion' 'man -w agent hub && bash -n /usr/share/bash-completion/completions/agent && bash -n /usr/share/bash-completion/completions/hub'
check 'systemd takes the units' 'systemd-analyze verify /usr/lib/systemd/system/fieldpost-agent.service /usr/lib/systemd/system/fieldpost-hub.service 2>&1 | { ! grep fieldpost; }'
in_root sh -c 'for unit in agent hub; do systemd-analyze security --offline=true /usr/lib/systemd/system/fieldpost-$unit.service | tail -1; done' | sed 's/^→/     /'

printf 'hostname = "kabul.example.org"\ndomain = "example.org"\n[store]\npath = "/var/lib/fieldpost-hub"\n[listen]\nsync = "127.0.0.1:0"\n' >"$root/etc/fieldpost/hub.toml"
check 'the hub adds an office, the office enrols and takes a mail' \
  'hub office add herat | tail -1 >/tmp/token && agent enrol - </tmp/token >/tmp/enrolled; printf "Subject: rain\n\n12 mm\n" | agent send -f farid@example.org friend@example.com'
check 'no file of root among the mail' '[ -z "$(find /var/lib/fieldpost-* -user root)" ]'
check 'both have nothing to repair' 'hub fsck && agent fsck'

in_root sh -c 'for deb in /debs/*.deb; do
  dpkg-deb -R $deb /debs/next && sed -i "s/^Version: .*/&+next/" /debs/next/DEBIAN/control && dpkg-deb -Znone -b /debs/next $deb && rm -r /debs/next
done; dpkg -i /debs/*.deb' >/dev/null 2>&1
check 'after an upgrade the mail waits, the office is known' 'dpkg-query -W fieldpost-agent | grep -q next && agent queue | grep -q friend@example.com && hub office list | grep -q herat'
in_root dpkg --remove fieldpost-agent fieldpost-hub >/dev/null 2>&1
check 'removed: mail and keys stay, programs are gone' '[ -n "$(ls /var/lib/fieldpost-agent/out/new)" ] && [ -f /etc/fieldpost/agent.key ] && [ -f /etc/fieldpost/hub.secret ] && ! command -v agent'
in_root dpkg --purge fieldpost-agent fieldpost-hub >/dev/null 2>&1
check 'purged: mail and keys still stay, and no file of the packages' '[ -n "$(ls /var/lib/fieldpost-agent/out/new)" ] && [ -z "$(find /usr -name "*fieldpost*")" ]'
in_root sh -c 'dpkg -i /debs/fieldpost-agent_*.deb' >/dev/null 2>&1
check 'installed again, the mail waits as before' 'agent queue | grep -q friend@example.com && agent fsck'
