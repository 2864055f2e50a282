#!/bin/sh
# sh run.sh CHECK…: a check of this folder with CUDA's libraries on the path, those that PyTorch brings among them. Needs a
# driver, and a Python with PyTorch (QRM_PYTHON, default python3) for the bench; no network.
#   cuda    all golden checkpoints, where nodes go, what becomes of a run when its process is killed
#   bench   8B layout in every form beside PyTorch
#   qrm …   the command line
here=$(cd "$(dirname "$0")" && pwd)
python=${QRM_PYTHON:-python3}
libraries=$("$python" - 2>/dev/null <<'PY'
import glob, os, sys
folders = []
for path in sys.path:
    folders += glob.glob(os.path.join(path, "nvidia", "*", "lib"))
print(":".join(folders))
PY
)
export LD_LIBRARY_PATH="$libraries:/usr/local/cuda/lib64:/usr/local/nvidia/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
node="$here/node"
test -x "$node" || node=node
worst=0
check() {
  "$node" "$here/dist/gpu.js" "$@" || worst=1
}
case "$1" in
  cuda)
    "$node" "$here/dist/cli.js" doctor
    check goldens cuda
    check placement-some
    check failures cuda
    ;;
  bench) exec "$node" "$here/dist/bench.js" gpu ;;
  qrm) shift && exec "$node" "$here/dist/cli.js" "$@" ;;
  *) echo "sh run.sh cuda | bench | qrm …" >&2 && exit 2 ;;
esac
exit $worst
