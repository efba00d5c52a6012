#!/usr/bin/env bash
# The stranger's first hour: clones the last commit into a bare Debian and runs the README's commands there (as root, in
# a chroot). Usage: tools/fresh.sh [bookworm|trixie] ['COMMAND']. The mirror is this machine's own apt source.
# Leaves the tree under ${TMPDIR:-/tmp}/ai-proxy-fresh-SUITE for a second look.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=${1:-bookworm}
command=${2:-}
tree=${TMPDIR:-/tmp}/ai-proxy-fresh-$suite
mirror=$(awk '/^URIs:/ {print $2; exit} /^deb / {print $2; exit}' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null)
[ "$(id -u)" -eq 0 ] || { echo "fresh: run as root (chroot, debootstrap)" >&2; exit 1; }

if [ ! -e "$tree/etc/debian_version" ]; then
  debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$tree" "$mirror" >"$tree.log" 2>&1 ||
    { tail -5 "$tree.log" >&2; exit 1; }
fi
# What this network needs to be reached at all, and nothing else.
cp /etc/resolv.conf "$tree/etc/"
cp /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/*registry* "$tree/etc/apt/apt.conf.d/" 2>/dev/null || true
cp /usr/local/share/ca-certificates/*.crt "$tree/usr/local/share/ca-certificates/" 2>/dev/null || true
chroot "$tree" update-ca-certificates >/dev/null 2>&1 || true
if [ "$suite" = "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ] && [ -e /etc/apt/sources.list.d/debian.sources ]; then
  cp /etc/apt/sources.list.d/debian.sources "$tree/etc/apt/sources.list.d/"
  rm -f "$tree/etc/apt/sources.list"
fi
rm -rf "$tree/root/ai-proxy"
git clone -q "$project" "$tree/root/ai-proxy"
for folder in proc sys dev; do mountpoint -q "$tree/$folder" || mount --rbind "/$folder" "$tree/$folder"; done
trap 'umount -lR "$tree/proc" "$tree/sys" "$tree/dev" 2>/dev/null || true' EXIT

inside() {
  chroot "$tree" env -i HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${HTTPS_PROXY:+HTTPS_PROXY="$HTTPS_PROXY"} ${HTTP_PROXY:+HTTP_PROXY="$HTTP_PROXY"} bash -c "cd /root/ai-proxy || exit
$1"
}

if [ -n "$command" ]; then
  time inside "$command"
  exit
fi

# From clone to the first answered request.
first_request='
  ! (exec 3<>/dev/tcp/127.0.0.1/18080) 2>/dev/null || { echo "fresh: another program answers on port 18080" >&2; exit 1; }
  ./dev run --port 18080 & run=$!
  until exec 3<>/dev/tcp/127.0.0.1/18080; do kill -0 $run || exit 1; sleep 1; done 2>/dev/null
  body="{\"provider\":\"openai\",\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}"
  printf "POST /v1/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${#body}\r\n\r\n$body" >&3
  cat <&3; echo
  kill $run; wait $run'
echo "== $suite: from clone to the first answered request"
time inside "$first_request"
echo "== $suite: the same from a warm build"
time inside "$first_request"
echo "== $suite: ./dev test"
time inside "./dev test"
