#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run a command with a screen of its own, WIDTHxHEIGHT, drawn by software.
#   in_window.sh 1280x800 COMMAND...
set -euo pipefail
size=$1
shift
number=$(mktemp -u XXXXXX)
exec 3< <(exec Xvfb -displayfd 1 -screen 0 "${size}x24" -nolisten tcp 2>"/tmp/xvfb-$number.log")
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "/tmp/xvfb-$number.log"' EXIT
if ! read -r -t 20 display <&3; then
    echo "the X server did not start: $(cat "/tmp/xvfb-$number.log")" >&2
    exit 3
fi
export DISPLAY=":$display" LIBGL_ALWAYS_SOFTWARE=1 LANG=C.UTF-8
"$@"
