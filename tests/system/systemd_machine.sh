#!/usr/bin/env bash
# usage: systemd_machine.sh FOLDER CHECKOUT PYTHON-PREFIX PACKAGES
# Boots this machine's systemd as process 1 of namespaces of its own, with no network but its loopback, above
# a root that forgets everything. /opt/mcdnn there is an environment as an operator would make it, of Python
# below PYTHON-PREFIX, the packages in PACKAGES and the source of CHECKOUT. Ends with whoever started it.
set -euo pipefail
folder=$1 checkout=$2 prefix=$3 packages=$4

if [ -z "${MCDNN_APART:-}" ]; then
    unified=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    [ -n "$unified" ] || { echo "no cgroup2 is mounted" >&2; exit 1; }
    mkdir "$unified/${folder##*/}"
    echo $$ > "$unified/${folder##*/}/cgroup.procs"
    export MCDNN_APART=1
    exec unshare --fork --pid --mount --uts --ipc --net --cgroup --kill-child "$0" "$@"
fi

mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
mkdir "$folder"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

mkdir -p opt/python opt/checkout opt/packages opt/mcdnn/bin opt/mcdnn/lib/python3.11
mount --rbind "$prefix" opt/python
mount --bind "$checkout" opt/checkout
mount -o remount,bind,ro opt/checkout
mount --bind "$packages" opt/packages
ln -s /opt/packages opt/mcdnn/lib/python3.11/site-packages
ln -s /opt/python/bin/python3.11 opt/mcdnn/bin/python
echo 'home = /opt/python/bin' > opt/mcdnn/pyvenv.cfg
printf '#!/opt/mcdnn/bin/python\nimport sys\nfrom mcdnn.cli import main\nsys.exit(main())\n' > opt/mcdnn/bin/mcdnn
chmod +x opt/mcdnn/bin/mcdnn

# As a whole machine has it: systemd mounts credentials in a namespace of its own, from which they spread.
mount --make-rshared "$PWD"
rm -rf etc/systemd/system/*
mkdir -p run/systemd/system.conf.d run/systemd/system
printf '[Unit]\nDefaultDependencies=no\n' > run/systemd/system/mcdnn-machine.target
printf '[Manager]\nDefaultEnvironment=PYTHONPATH=/opt/checkout LD_LIBRARY_PATH=/opt/python/lib\n' \
    > run/systemd/system.conf.d/checkout.conf
exec env -i container=mcdnn PATH="$PATH" unshare --root "$PWD" \
    /lib/systemd/systemd --system --unit=mcdnn-machine.target --show-status=0
