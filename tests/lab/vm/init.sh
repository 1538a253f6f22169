#!/bin/sh
# The first program of a throw-away machine: its root is the host's, read-only, below a disk in memory.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
while read -r module; do $B insmod "$module"; done < /order
plan9=trans=virtio,version=9p2000.L,msize=262144,ro
$B mount -t 9p -o $plan9,cache=loose hostroot /host || exec $B poweroff -f
$B mount -t tmpfs -o mode=0755 own /own
$B mkdir /own/upper /own/work
$B mount -t overlay -o lowerdir=/host,upperdir=/own/upper,workdir=/own/work overlay /new || exec $B poweroff -f
for word in $($B cat /proc/cmdline); do
    case $word in
    hacluster.*) export "HACLUSTER_${word#hacluster.}" ;;
    esac
done
for place in proc sys dev; do
    $B mkdir -p /new/$place
    $B mount --move /$place /new/$place
done
$B mkdir -p /new/dev/pts /new/dev/shm /new/run /new/lib/modules
$B mount -t devpts -o gid=5,mode=620 devpts /new/dev/pts
$B mount -t tmpfs -o mode=1777 shm /new/dev/shm
$B mount -t tmpfs -o mode=0755 run /new/run
$B mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
$B mount -o bind "/new$HACLUSTER_modules" /new/lib/modules
exec $B switch_root /new "$HACLUSTER_python" -IS "$HACLUSTER_guest"
