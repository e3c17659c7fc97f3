#!/bin/bash
# Builds the small guest that a new cloud boots first, out of Debian packages alone; needs no root and no network but for the
# kernel package (apt-get download, or -k FILE). The same inputs give the same bytes.
#
#   images/build.sh [-k LINUX-IMAGE.deb] [OUTPUT_DIRECTORY]          default: ./build-images
#   images/build.sh --needs                                          prints the packages it needs, one a line
#
# Writes nacre.qcow2 (the image to upload: MBR, a FAT boot partition with syslinux, an ext4 root) and, for the three-part way,
# vmlinuz, initrd.gz and root.ext4. See README.md beside it for what the guest does.
set -euo pipefail

needs=(busybox-static dropbear-bin kmod cpio gcc libc6-dev e2fsprogs util-linux fdisk mtools syslinux syslinux-common openssl qemu-utils)
user=nacre
password=nacre
boot_mib=18
root_mib=40
programs=(/usr/sbin/dropbear /usr/bin/dropbearkey /bin/lsblk /sbin/blkid /sbin/mke2fs /sbin/resize2fs /sbin/e2fsck)
# What the initramfs tries, group by group, until the root is there; then what the running guest loads.
root_modules=("virtio_pci virtio_blk ext4" "virtio_scsi sd_mod" "ata_piix" "nvme virtio_mmio")
guest_modules="virtio_net button evdev virtio-rng virtio_balloon virtio_console isofs sr_mod vfat nls_ascii nls_cp437"

main()
{
    local kernel_package=
    while [ $# -gt 0 ]; do
        case $1 in
        --needs) printf '%s\n' "${needs[@]}"; exit;;
        -k) kernel_package=$2; shift 2;;
        -*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2;;
        *) break;;
        esac
    done
    here=$(cd "$(dirname "$0")" && pwd)
    out=${1:-build-images}
    mkdir -p "$out"; out=$(cd "$out" && pwd)
    work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
    export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=1700000000 E2FSPROGS_FAKE_TIME=1700000000
    umask 022

    unpack_kernel "$kernel_package"
    make_root
    make_initramfs
    make_disk
    (cd "$out" && ls -ls nacre.qcow2 vmlinuz initrd.gz root.ext4)
}

# $work/kernel is the unpacked package; $release its version.
unpack_kernel()
{
    local package=$1
    if [ -z "$package" ]; then
        local name
        name=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
        (cd "$work" && apt-get -q download "$name" >/dev/null 2>&1) || { echo "cannot download $name" >&2; exit 1; }
        package=$(ls "$work"/linux-image-*.deb)
    fi
    dpkg-deb -x "$package" "$work/kernel"
    release=$(ls "$work/kernel/lib/modules")
    depmod -b "$work/kernel" "$release"
    cp "$work/kernel/boot/vmlinuz-$release" "$out/vmlinuz"
}

# add_modules DIRECTORY LIST MODULE...: copies modules with what they need; LIST gets them in loading order.
add_modules()
{
    local directory=$1 list=$2 module; shift 2
    mkdir -p "$directory"
    for module in "$@"; do
        modprobe -d "$work/kernel" -S "$release" --show-depends "$module" 2>/dev/null | awk '/^insmod/ { print $2 }'
    done | awk '!seen[$0]++' | while read -r module; do
        install -m644 "$module" "$directory/"
        strip --strip-debug "$directory/${module##*/}"
        echo "${module##*/}"
    done > "$list"
}

add_program()
{
    local tree=$1 program=$2 library
    install -D "$program" "$tree$program"
    for library in $(ldd "$program" | grep -o '/lib[^ ]*' | sort -u); do
        [ -e "$tree$library" ] || install -D "$library" "$tree$library"
    done
}

make_root()
{
    local root=$work/root applet program hash
    mkdir -p "$root"/{bin,sbin,dev,proc,sys,run,tmp,mnt,root,etc/dropbear,lib/modules,usr/bin,usr/sbin,var/log,var/lib/guest,"home/$user"}
    ln -s /run "$root/var/run"
    cp /bin/busybox "$root/bin/busybox"
    for applet in $(/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"; done
    for program in "${programs[@]}"; do [ ! -e "$root/bin/${program##*/}" ] || rm "$root/bin/${program##*/}"; add_program "$root" "$program"; done
    ln -s mke2fs "$root/sbin/mkfs.ext4"
    gcc -Os -s -Wall -Werror -o "$root/bin/sudo" "$here/sudo.c"
    cp -R "$here"/guest/. "$root/"
    chmod 755 "$root"/sbin/rc "$root"/sbin/guest-setup "$root/usr/share/udhcpc/default.script" "$root"/etc/acpi/PWRF/*
    # shellcheck disable=SC2086
    add_modules "$root/lib/modules" "$root/lib/modules/load" $guest_modules

    hash=$(openssl passwd -6 -salt nacreguest "$password")
    printf 'root:x:0:0:root:/root:/bin/sh\n%s:x:1000:1000::/home/%s:/bin/sh\n' "$user" "$user" > "$root/etc/passwd"
    printf 'root:*:19000:0:99999:7:::\n%s:%s:19000:0:99999:7:::\n' "$user" "$hash" > "$root/etc/shadow"
    printf 'root:x:0:\ntty:x:5:\n%s:x:1000:\n' "$user" > "$root/etc/group"

    rm -f "$out/root.ext4"; truncate -s "${root_mib}M" "$out/root.ext4"
    mke2fs -q -t ext4 -O ^metadata_csum -E hash_seed=6e616372-6500-4000-8000-000000000001 -J size=4 \
        -U 6e616372-6500-4000-8000-000000000000 -L nacre-root -m 0 -N 4096 "$out/root.ext4"
    (cd "$root" && fill_commands > "$work/fill" && debugfs -w -f "$work/fill" "$out/root.ext4" > /dev/null 2> "$work/fill.errors")
    ! grep -v '^debugfs ' "$work/fill.errors" >&2 || exit 1
}

# The debugfs commands that copy the current tree, in one order whatever the file system, owned by root.
fill_commands()
{
    find . -mindepth 1 -printf '%P\n' | sort | while read -r path; do
        if [ -L "$path" ]; then echo "symlink $path $(readlink "$path")"
        elif [ -d "$path" ]; then echo "mkdir $path"; echo "sif $path mode 0$((40000 + $(stat -c %a "$path")))"
        else echo "write $path $path"; echo "sif $path mode 0$((100000 + $(stat -c %a "$path")))"
        fi
    done
    printf 'sif %s mode %s\n' etc/shadow 0100600 root 040700 tmp 041777 bin/sudo 0104755
    printf 'sif home/%s %s 1000\n' "$user" uid "$user" gid
}

make_initramfs()
{
    local tree=$work/initramfs group n=0
    mkdir -p "$tree"/{bin,dev,proc,sys,root,lib/modules}
    cp /bin/busybox "$tree/bin/busybox"
    install -m755 "$here/initramfs.sh" "$tree/init"
    for group in "${root_modules[@]}"; do
        n=$((n + 1))
        # shellcheck disable=SC2086
        add_modules "$tree/lib/modules" "$tree/lib/modules/$n.load" $group
    done
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$tree" && find . -print0 | sort -z | cpio --null -o -H newc -R 0:0 --reproducible --quiet) | gzip -9n > "$out/initrd.gz"
}

make_disk()
{
    local disk=$work/disk.raw boot=$work/boot.fat file
    local boot_sectors=$((boot_mib * 2048)) root_sectors=$((root_mib * 2048))
    truncate -s $(((boot_mib + root_mib + 1) * 1024 * 1024)) "$disk"
    printf 'label: dos\nlabel-id: 0x6e616372\nstart=2048, size=%d, type=6, bootable\nstart=%d, size=%d, type=83\n' \
        "$boot_sectors" $((2048 + boot_sectors)) "$root_sectors" | sfdisk -q "$disk"
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none

    truncate -s "${boot_mib}M" "$boot"
    mformat -i "$boot" -h 16 -s 63 -H 2048 -T "$boot_sectors" -N 6e616372 -v NACREBOOT ::
    cp "$here/syslinux.cfg" "$work/syslinux.cfg"
    for file in "$out/vmlinuz" "$out/initrd.gz" "$work/syslinux.cfg"; do
        touch -d "@$SOURCE_DATE_EPOCH" "$file"
        mcopy -m -i "$boot" "$file" ::
    done
    syslinux --install "$boot"
    dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
    dd if="$out/root.ext4" of="$disk" bs=1M seek=$((1 + boot_mib)) conv=notrunc,sparse status=none
    qemu-img convert -q -f raw -O qcow2 -c "$disk" "$out/nacre.qcow2"
}

main "$@"
