#!/bin/sh
# Types what infra/REPAIR.md says, in a booted Debian: a laptop from a backup, one that is gone, a hub that is gone, a secret that leaked.
# As root, after try-packages.sh (and rsync in it):  apt-get install systemd-container, then  tools/try-repair.sh ROOT
set -eu
root=$1
cat >"$root/debs/trial" <<'TRIAL'
#!/bin/sh
exec >/debs/trial.log 2>&1
set -x
cd /
rm -rf /etc/fieldpost /var/lib/fieldpost-* /media/backup; mkdir -p /media/backup
dpkg -i /debs/*.deb >/dev/null 2>&1
printf 'hostname = "kabul.example.org"\ndomain = "example.org"\npublic = "127.0.0.1:4443"\n[store]\npath = "/var/lib/fieldpost-hub"\n[listen]\nsync = "127.0.0.1:4443"\nsmtp = "127.0.0.1:25"\n[relay]\nsmarthost = "smtp://127.0.0.1:9"\n' >/etc/fieldpost/hub.toml
hub check >/dev/null
systemctl start fieldpost-hub
hub office add herat | tail -1 >/debs/token
hub user add farid@example.org herat
agent enrol - </debs/token
printf 'Subject: one\n\n1\n' | agent send -f farid@example.org friend@example.com
agent sync
: A laptop from a backup
rsync -a --delete /var/lib/fieldpost-agent/ /media/backup/fieldpost-agent/
rsync -a /etc/fieldpost/ /media/backup/etc-fieldpost/
rsync -a --delete /var/lib/fieldpost-hub/ /media/backup/fieldpost-hub/
printf 'Subject: two\n\n2\n' | agent send -f farid@example.org friend@example.com
agent sync
systemctl stop fieldpost-agent
rsync -a --delete /media/backup/fieldpost-agent/ /var/lib/fieldpost-agent/
chown -R fieldpost-agent:fieldpost-agent /var/lib/fieldpost-agent
agent fsck --repair --copied
agent sync; echo "exit $? (77 wanted)"
hub office readmit herat
agent sync; echo "exit $?"
: A laptop is gone
hub office revoke herat
agent sync; echo "exit $? (77 wanted)"
hub office rekey herat | tail -1 >/debs/token
hub office readmit herat
rm -rf /var/lib/fieldpost-agent/* /var/lib/fieldpost-agent/.owner /etc/fieldpost/agent.*
agent enrol - </debs/token
agent sync; echo "exit $?"
: The hub is gone
systemctl stop fieldpost-hub
rsync -a --delete /media/backup/fieldpost-hub/ /var/lib/fieldpost-hub/
chown -R fieldpost-hub:fieldpost-hub /var/lib/fieldpost-hub
hub fsck --repair --copied; echo "exit $?"
hub queue internet
systemctl start fieldpost-hub
hub office rekey herat | tail -1 >/debs/token
hub office readmit herat
agent enrol - </debs/token
printf 'Subject: three\n\n3\n' | agent send -f farid@example.org friend@example.com
agent sync; echo "exit $?"
hub queue internet
: Disk full
df -h /var/lib/fieldpost-hub
du -sh /var/lib/fieldpost-hub/* | sort -h | tail -2
: A key leaked
systemctl stop fieldpost-hub
mv /etc/fieldpost/hub.secret /etc/fieldpost/hub.secret.leaked
hub check; echo "exit $?"
systemctl start fieldpost-hub
agent sync; echo "exit $? (77 wanted)"
hub office rekey herat | tail -1 >/debs/token
agent enrol - </debs/token
agent sync; echo "exit $?"
agent fsck; echo "exit $?"
hub fsck; echo "exit $?"
set +x
systemctl poweroff
TRIAL
chmod +x "$root/debs/trial"
printf '[Unit]\nDescription=trial\nAfter=multi-user.target\n[Service]\nType=exec\nExecStart=/debs/trial\n[Install]\nWantedBy=graphical.target\n' >"$root/etc/systemd/system/trial.service"
chroot "$root" systemctl enable trial.service >/dev/null 2>&1
systemd-nspawn -D "$root" --register=no --keep-unit --private-network -b >"$root/debs/boot" 2>&1 || true
cat "$root/debs/trial.log"
[ "$(grep -c "^exit" "$root/debs/trial.log")" = "$(grep -cE "^exit (0|77 .77 wanted.)$" "$root/debs/trial.log")" ]
