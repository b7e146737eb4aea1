#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run a command in a chroot with its own mounts, which end with it.
#   [BINDS="/host/folder /another"] in_root.sh FOLDER COMMAND...
# BINDS: folders of the machine that are seen inside at the same place.
set -euo pipefail
root=$(realpath "$1")
shift
export root
exec unshare --mount --propagation private bash -c '
    set -e
    mount -t proc none "$root/proc"
    mount -t sysfs none "$root/sys"
    mount --rbind /dev "$root/dev"
    for folder in ${BINDS:-}; do
        mkdir -p "$root$folder"
        mount --rbind "$folder" "$root$folder"
    done
    mkdir -p "$root/tmp/.X11-unix"
    chmod 1777 "$root/tmp" "$root/tmp/.X11-unix"
    exec chroot "$root" "$@"' in_root "$@"
