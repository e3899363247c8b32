#!/bin/sh
# Boots the folder of try-packages.sh with systemd in it and runs both services there: ready, at work, stuck, upgraded, stopped.
# As root, after try-packages.sh:  apt-get install systemd-container, then  tools/try-units.sh ROOT
set -eu
root=$1
cat >"$root/debs/trial" <<'TRIAL'
#!/bin/sh
exec >/debs/trial.log 2>&1
check() { if sh -c "$2" >/debs/said 2>&1; then echo "ok    $1"; else echo "WRONG $1"; cat /debs/said; systemctl status fieldpost-hub fieldpost-agent; journalctl --no-pager -n 30; fi; }
until [ "$(systemctl is-system-running)" != starting ] || [ $((tries += 1)) -gt 50 ]; do sleep 0.2; done
rm -rf /etc/fieldpost /var/lib/fieldpost-*
dpkg -i /debs/*.deb >/dev/null 2>&1
printf 'hostname = "kabul.example.org"\ndomain = "example.org"\npublic = "127.0.0.1:4443"\n[store]\npath = "/var/lib/fieldpost-hub"\n[listen]\nsync = "127.0.0.1:4443"\nsmtp = "127.0.0.1:25"\n[relay]\nsmarthost = "smtp://127.0.0.1:9"\n' >/etc/fieldpost/hub.toml
check 'the configuration is right, and the secret is made' 'hub check'
check 'the hub is started, and systemd hears when it is ready' 'systemctl start fieldpost-hub && systemctl show -p StatusText fieldpost-hub | grep -q serves'
hub office add herat | tail -1 >/debs/token
agent enrol - </debs/token >/dev/null
check 'the agent likewise' 'systemctl start fieldpost-agent && systemctl show -p StatusText fieldpost-agent | grep -q serves'
check 'each runs as its own user, on a port below 1024 where it is asked to' 'for p in hub agent; do [ "$(stat -c %U /proc/$(systemctl show -P MainPID fieldpost-$p))" = fieldpost-$p ] || exit 1; done; ss -ltn | grep -q "127.0.0.1:25 "'
printf 'Subject: rain\n\n12 mm\n' | agent send -f farid@herat.example.org friend@example.com
check 'mail moves without anybody typing sync' 'systemctl kill -s USR1 --kill-whom=main fieldpost-agent; for n in 1 2 3 4 5 6 7 8 9; do hub queue internet | grep friend@example.com && exit 0; sleep 1; done; exit 1'
check 'the hub survives its own check and repair' 'hub fsck && agent fsck'
for program in hub agent; do
  mkdir -p /run/systemd/system/fieldpost-$program.service.d
  printf '[Service]\nWatchdogSec=6\nTimeoutAbortSec=3\n' >/run/systemd/system/fieldpost-$program.service.d/watchdog.conf
done
systemctl daemon-reload
systemctl restart fieldpost-hub fieldpost-agent
sleep 14
check 'the watchdog is kept content' '[ "$(systemctl show -P NRestarts fieldpost-hub fieldpost-agent | tr -d "\n")" = 00 ]'
kill -STOP "$(systemctl show -P MainPID fieldpost-agent)"
sleep 24
check 'what is stuck is started anew' '[ "$(systemctl show -P NRestarts fieldpost-agent)" = 1 ] && systemctl is-active fieldpost-agent'
before=$(systemctl show -P MainPID fieldpost-hub)
dpkg -i /debs/fieldpost-hub*.deb >/dev/null 2>&1
check 'an upgrade restarts what runs, and it is ready again' "systemctl is-active fieldpost-hub && [ $before != \$(systemctl show -P MainPID fieldpost-hub) ]"
systemctl stop fieldpost-hub fieldpost-agent
check 'a stop ends both with exit code 0' '[ "$(systemctl show -P ExecMainStatus fieldpost-hub fieldpost-agent | tr -d "\n")" = 00 ]'
check 'they are enabled for the next start of the machine' 'systemctl is-enabled fieldpost-hub fieldpost-agent'
dpkg --remove fieldpost-hub fieldpost-agent >/dev/null 2>&1
check 'removed while nothing runs: the mail stays' 'ls /var/lib/fieldpost-hub/internet/new | grep -q .'
journalctl --no-pager -u fieldpost-hub -u fieldpost-agent >/debs/journal
systemctl poweroff
TRIAL
chmod +x "$root/debs/trial"
printf '[Unit]\nDescription=trial\nAfter=multi-user.target\n[Service]\nType=exec\nExecStart=/debs/trial\n[Install]\nWantedBy=graphical.target\n' >"$root/etc/systemd/system/trial.service"
chroot "$root" systemctl enable trial.service >/dev/null 2>&1
systemd-nspawn -D "$root" --register=no --keep-unit --private-network -b >"$root/debs/boot" 2>&1 || true
cat "$root/debs/trial.log"
