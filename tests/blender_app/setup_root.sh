#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Put a real Blender application and an X server into a folder of their own (a Debian chroot, about 1.4 GB).
#   setup_root.sh trixie FOLDER    Blender 4.3
#   setup_root.sh sid FOLDER       Blender 5.2 LTS, or whatever Debian's sid has by now
# Needs root, unshare and debootstrap. Packages come from this machine's own Debian mirror where one is set.
set -euo pipefail
suite=$1
root=$2
packages="blender python3-numpy python3-requests python3-zstandard libegl1 libegl-mesa0 libgl1-mesa-dri xvfb xdotool imagemagick x11-utils"
if [ "$suite" = sid ]; then packages="$packages python3-cattr"; fi

if [ "$(id -u)" != 0 ]; then echo "must be root to make a chroot" >&2; exit 3; fi
if ! command -v debootstrap >/dev/null; then echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 3; fi
mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs: *\([^ ]*\/debian\)\/*$/\1/p' | head -n 1)

rm -rf "$root.part"
mkdir -p "$(dirname "$root")"
debootstrap --variant=minbase --include=ca-certificates "$suite" "$root.part" "${mirror:-http://deb.debian.org/debian}"
cp /etc/resolv.conf "$root.part/etc/resolv.conf"
ln -sfn /proc/self/mounts "$root.part/etc/mtab"
printf '#!/bin/sh\nexit 101\n' > "$root.part/usr/sbin/policy-rc.d"  # no services are started
chmod 755 "$root.part/usr/sbin/policy-rc.d"
# The clock of a test machine may be far from that of the mirror.
echo 'Acquire::Check-Valid-Until "false";' > "$root.part/etc/apt/apt.conf.d/90-clock"
here=$(dirname "$(realpath "$0")")
"$here/in_root.sh" "$root.part" sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $packages && apt-get clean"
mv "$root.part" "$root"
