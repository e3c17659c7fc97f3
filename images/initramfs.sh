#!/bin/busybox sh
# First program of the guest: loads drivers, group by group, until the root file system is seen, and goes there.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
for list in /lib/modules/*.load; do
    while read -r module; do $bb insmod /lib/modules/$module 2>/dev/null; done < $list
    for try in 1 2 3 4 5; do
        root=$($bb findfs LABEL=nacre-root 2>/dev/null) && break 2
        $bb sleep 0.1
    done
done
if [ -z "$root" ] || ! $bb mount -t ext4 -o rw,noatime $root /root; then
    echo "guest: no root file system" > /dev/console
    exec $bb sh < /dev/console > /dev/console 2>&1
fi
$bb mount --move /dev /root/dev
$bb mount --move /proc /root/proc
$bb mount --move /sys /root/sys
exec $bb switch_root /root /bin/init
