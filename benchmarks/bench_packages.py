"""The same 1,000 metrics by other packages, each in an environment of its own: equal numbers, and time."""

import os
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.side_by_side import machine

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("spotify_confidence", "gbstats", "tea_tasting")


def environment(name: str) -> Path:
    """The interpreter of an environment that holds one package, made and filled when needed."""
    folder, lock = ROOT / ".beside" / name, ROOT / "requirements" / f"beside_{name}.txt"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        print(f"installing {lock.name} into .beside/{name} (once)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        options = ("--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock))
        subprocess.run([str(python), "-m", "pip", "install", *options], check=True)
        stamp.write_text(lock.read_text())
    return python


def main() -> None:
    print(machine())
    print("| package | largest relative gap | theirs, ms per 1,000 | ours, ms | theirs ÷ ours (rounds) |")
    print("|---|---|---|---|---|", flush=True)
    failed = []
    for name in NAMES:
        command = [str(environment(name)), "-m", f"benchmarks.beside.with_{name}"]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
        failed += [name] if done.returncode else []
    if failed:
        sys.exit(f"not equal, or not run: {', '.join(failed)}")


if __name__ == "__main__":
    main()
