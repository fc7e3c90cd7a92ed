#!/usr/bin/env bash
# An interactive shell in a test kernel: kit/run.sh debug|fast
set -euo pipefail
# shellcheck source=kit/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=${1:-debug}
"$kit_top/kit/initramfs.sh" "$kernel"
say "booting the $kernel kernel; poweroff, or Ctrl-A X, ends it"
exec "$kit_top/kit/qemu.sh" "$kernel" shell
