"""Runs the V4L2 source on a real driver: in a virtual machine, without any camera.

    python tools/check_v4l2.py [--record FILE]

Boots Debian's kernel with its `vivid` driver in QEMU, without KVM, and runs
`tests/vm/v4l2_check.py` there on this very tree. Needs, on Debian or Ubuntu:

    sudo apt install qemu-system-x86 busybox-static cpio

The kernel's package is downloaded with apt and unpacked, not installed. A minute or
two; it checks what is right and measures nothing, for such a machine is slow.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path.home() / ".cache" / "peregrine" / "vm"
_DONE = "PEREGRINE-CHECK-EXIT="
_TIMEOUT_S = 480
WANTED = ("virtio_pci", "9pnet_virtio", "9p", "vivid")
"""Modules of the kernel; those that they need come before them."""
_OPTIONS = {"vivid": "n_devs=1 node_types=0x1 num_inputs=1 input_types=0"}
_INIT = """#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /sys /dev /mnt /out
$B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t devtmpfs dev /dev
{insert}
$B mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144 root /mnt
for each in proc sys dev; do $B mount -o bind /$each /mnt/$each; done
$B mount -t tmpfs tmp /mnt/run; $B mkdir -p /mnt/dev/shm
$B mount -t tmpfs shm /mnt/dev/shm
$B mount -t tmpfs tmp /mnt/var/tmp
$B chroot /mnt /bin/sh -c '{command}'
echo "{done}$?"
$B sync; $B poweroff -f
"""


def main() -> int:
    """Run the check; 0 if it passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write what the driver answers into FILE, for the tests' fake",
    )
    arguments = parser.parse_args()
    missing = [
        name
        for name in ("qemu-system-x86_64", "busybox", "cpio", "dpkg-deb")
        if shutil.which(name) is None
    ]
    if missing:
        print(f"not run, these are missing: {', '.join(missing)}")
        print("sudo apt install qemu-system-x86 busybox-static cpio")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        kernel, drivers = _kernel()
        machine = _machine(Path(folder), kernel, drivers, arguments.record is not None)
        return _watch(machine, arguments.record)


def _kernel() -> tuple[Path, Path]:
    """The kernel and the folder of its modules, downloaded at the first call."""
    tree = CACHE / "kernel"
    if not tree.exists():
        package = _newest_package()
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=CACHE, check=True)
        archive = next(CACHE.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", archive, tree], check=True)
        archive.unlink()
    return next(tree.glob("boot/vmlinuz-*")), next(tree.glob("lib/modules/*"))


def _newest_package() -> str:
    shown = subprocess.run(
        ["apt-cache", "depends", "linux-image-amd64"],
        check=True,
        capture_output=True,
        text=True,
    )
    return next(
        line.split()[-1] for line in shown.stdout.splitlines() if "Depends:" in line
    )


def _machine(folder: Path, kernel: Path, drivers: Path, records: bool) -> list[str]:
    """The command that boots it; everything it needs is put into the folder."""
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", root / "bin" / "busybox")
    modules = {_name(each): each for each in drivers.rglob("*.ko*")}
    insert = []
    for name in _in_order(modules):
        (root / f"{name}.ko").write_bytes(_unpacked(modules[name]))
        insert.append(f"$B insmod /{name}.ko {_OPTIONS.get(name, '')}")
    python = ROOT / ".venv" / "bin" / "python"
    command = f"cd {ROOT} && HOME=/run {python} -B -m tests.vm.v4l2_check"
    script = _INIT.format(
        insert="\n".join(insert),
        command=command + (" --record" if records else ""),
        done=_DONE,
    )
    init = root / "init"
    init.write_text(script)
    init.chmod(0o755)
    names = "\n".join(str(each.relative_to(root)) for each in root.rglob("*"))
    packed = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"],
        cwd=root,
        input=names.encode(),
        capture_output=True,
        check=True,
    )
    image = folder / "initrd.gz"
    image.write_bytes(gzip.compress(packed.stdout, 1))
    return [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max"),
        *("-m", "3G", "-smp", "2", "-nographic", "-no-reboot", "-net", "none"),
        *("-kernel", str(kernel), "-initrd", str(image)),
        *("-append", "console=ttyS0 panic=-1 quiet"),
        "-virtfs",
        "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
    ]


def _name(module: Path) -> str:
    return module.name.partition(".ko")[0].replace("-", "_")


def _in_order(modules: dict[str, Path]) -> list[str]:
    """What is wanted and what that needs, each after what it needs itself."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in modules:
            return  # there already, or built into the kernel
        found = re.search(rb"(?:^|\0)depends=([^\0]*)", _unpacked(modules[name]))
        needed = found[1].decode() if found else ""
        for other in filter(None, needed.split(",")):
            add(other.replace("-", "_"))
        order.append(name)

    for name in WANTED:
        add(name)
    return order


def _unpacked(module: Path) -> bytes:
    data = module.read_bytes()
    return lzma.decompress(data) if module.suffix == ".xz" else data


def _watch(machine: list[str], record: Path | None) -> int:
    """Show what the machine says; what lies between two marks is the recording."""
    recorded: list[str] = []
    is_recording = False
    status = 1
    with subprocess.Popen(
        ["timeout", str(_TIMEOUT_S), *machine],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.rstrip("\r\n")
            if text == "RECORDING-BEGINS":
                is_recording = True
            elif text == "RECORDING-ENDS":
                is_recording = False
            elif is_recording:
                recorded.append(text)
            elif _DONE in text:
                status = int(text.partition(_DONE)[2] or 1)
            else:
                print(text, flush=True)
    if record is not None and recorded:
        record.write_text("".join(recorded) + "\n")
        print(f"written: {record}")
    print("the V4L2 source passed" if status == 0 else "FAILED")
    return status


if __name__ == "__main__":
    sys.exit(main())
