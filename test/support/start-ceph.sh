#!/usr/bin/env bash
# A real S3 server for tests: one-node Ceph (mon, osd, radosgw) on the loopback, from Debian packages. Needs no root.
# Use:  start-ceph.sh FOLDER PORT memstore|bluestore
# It prints "ready" when the server answers, and runs until its stdin ends (so it also ends with whoever started it, however
# that ends): then all is stopped and the folder removed. A line "kill9" on stdin kills the three daemons, "start" starts
# them again on what they had written (bluestore); each is answered by "done".
# Ports: PORT (S3), PORT+1 (mon), PORT+2 to PORT+9 (osd).  Keys: S3_ACCESS_KEY, S3_SECRET_KEY in the environment.
set -euo pipefail
D=$1 PORT=$2 STORE=$3
MONPORT=$((PORT + 1)) OSDLO=$((PORT + 2)) OSDHI=$((PORT + 9))
export CEPH_CONF=$D/ceph.conf CEPH_ARGS="--conf $D/ceph.conf"

running() { [ -r "/proc/$1/stat" ] && [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" != Z ]; } # a zombie is not running
alive() { [ -f "$D/$1.pid" ] && running "$(cat "$D/$1.pid")"; }
fail() { echo "$1" >&2; tail -n 20 "$D"/log/* >&2 || true; exit 1; }

launch() { # name command...
  local name=$1; shift
  setsid "$@" >>"$D/log/$name.out" 2>&1 </dev/null &
  echo $! >"$D/$name.pid"
}

stop_one() { # name signal
  alive "$1" || return 0
  local pid; pid=$(cat "$D/$1.pid")
  kill -"$2" "$pid" 2>/dev/null || true
  for _ in $(seq 100); do running "$pid" || return 0; sleep 0.05; done
  kill -9 "$pid" 2>/dev/null || true
}
stop_all() { for name in rgw osd mon; do stop_one "$name" "$1"; done; }
finish() { stop_all KILL; if [ -f "$D/.start-ceph" ]; then rm -rf "$D"; fi; } # only a folder that this script made
trap finish EXIT

configure() {
  mkdir -p "$D"/{log,mon,osd,run,rgw}; : >"$D/.start-ceph"
  FSID=$(cat /proc/sys/kernel/random/uuid)
  cat >"$D/ceph.conf" <<C
[global]
fsid = $FSID
mon host = [v2:127.0.0.1:$MONPORT/0]
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
ms bind ipv6 = false
ms bind msgr1 = false
# without this the three talk through slow encryption
ms mon client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
ms bind port min = $OSDLO
ms bind port max = $OSDHI
run dir = $D/run
admin socket = $D/run/\$name.asok
log file = $D/log/\$name.log
pid file =
crash dir = $D/run
keyring = /dev/null
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
osd max pg per osd hard ratio = 10
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 0
debug ms = 0/0
debug mon = 0/0
debug monc = 0/0
debug paxos = 0/0
debug osd = 0/0
debug objecter = 0/0
debug rados = 0/0
debug bluestore = 0/0
debug bluefs = 0/0
debug bdev = 0/0
debug rocksdb = 0/0
debug memdb = 0/0
debug rgw = 0/0
[mon]
mon data = $D/mon
mon initial members = a
paxos propose interval = 0.02
paxos min wait = 0.01
[osd]
osd data = $D/osd
osd objectstore = $STORE
memstore device bytes = 8589934592
bluestore block create = true
bluestore block size = 8589934592
bluestore fsck on mkfs = false
bdev aio poll ms = 10
bluestore block db create = false
bluestore block wal create = false
osd memory target = 1073741824
osd class load list = *
osd class default list = *
osd op num shards = 2
osd enable op tracker = false
osd fast shutdown = true
osd heartbeat grace = 3600
[client.rgw]
rgw data = $D/rgw
# without tcp_nodelay every GET takes 40 ms
rgw frontends = beast endpoint=127.0.0.1:$PORT tcp_nodelay=1
rgw thread pool size = 64
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw enable usage log = false
rgw enable ops log = false
rgw run sync thread = false
rgw num rados handles = 1
rgw rados pool pg num min = 4
C
}

make_cluster() {
  configure
  monmaptool --create --clobber --fsid "$FSID" --addv a "[v2:127.0.0.1:$MONPORT/0]" "$D/monmap" >"$D/log/init.out" 2>&1
  ceph-mon --mkfs -i a --monmap "$D/monmap" >>"$D/log/init.out" 2>&1
  launch mon ceph-mon -f -i a
  local uuid; uuid=$(cat /proc/sys/kernel/random/uuid)
  ceph --connect-timeout 20 osd new "$uuid" 0 >>"$D/log/init.out" 2>&1
  ceph-osd -i 0 --mkfs --osd-uuid "$uuid" >>"$D/log/init.out" 2>&1
  start_osd
  radosgw-admin user create --uid=test --display-name=test --access-key="$S3_ACCESS_KEY" --secret-key="$S3_SECRET_KEY" >>"$D/log/init.out" 2>&1
}

start_osd() { # radosgw started before the osd is up would wait seconds for its next map
  alive osd || launch osd ceph-osd -f -i 0
  for _ in $(seq 600); do
    [[ $(ceph daemon "$D/run/osd.0.asok" status 2>/dev/null) == *'"state": "active"'* ]] && return 0
    alive osd || fail "ceph-osd did not start"
    sleep 0.05
  done
  fail "ceph-osd did not become active"
}

start_rgw() {
  alive rgw || launch rgw radosgw -f -n client.rgw
  for _ in $(seq 1200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && return 0
    alive rgw || fail "radosgw did not start"
    sleep 0.05
  done
  fail "radosgw does not answer"
}

ulimit -n "$(ulimit -Hn)" || true
make_cluster
start_rgw
echo ready
while read -r order; do
  case $order in
    kill9) stop_all KILL ;;
    start) alive mon || launch mon ceph-mon -f -i a; start_osd; start_rgw ;;
    *) fail "unknown order $order" ;;
  esac
  echo "done"
done
