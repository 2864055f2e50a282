#!/bin/sh
# What the pre-commit hook and the GitHub Action run: `qrm audit` of this checkout, installed and built when it is first
# needed. Arguments are those of `qrm audit`; paths are of the folder it is called from.
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
# Standard output is the audit's own.
[ -d "$here/node_modules" ] || (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund) >&2
[ -f "$here/dist/cli.js" ] || (cd "$here" && node esbuild.mjs) >&2
exec node "$here/dist/cli.js" audit "$@"
