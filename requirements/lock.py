"""Write the hashed lock files from pyproject.toml. Run by `make lock`; needs `uv` on the path it is given.

Ultralytics needs torch; on Linux the registry's torch needs about 6 GB of CUDA libraries, a CPU build needs none.
So they go to `cuda.txt`, which set-up installs only when the torch it found asks for them. `torch-cpu.txt` is kept by
hand: it names the CPU wheel, which set-up takes first where the machine's own index offers it.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
CUDA = re.compile(r"^(nvidia-(?!ml-py)|cuda-|triton)")


def compile_lock(uv: str, *extra: str) -> list[str]:
    """Return one string a pinned package, its hash lines included."""
    command = [uv, "pip", "compile", "--universal", "--python-version", "3.11", "pyproject.toml", "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-header", "--no-annotate", "--quiet", *extra]
    text = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent).stdout  # noqa: S603
    return re.split(r"\n(?=[a-z])", text.strip())


def main() -> None:
    """Compile, split and write the three files."""
    uv = sys.argv[1]
    torch_pin = HERE / "torch.in"
    torch_pin.write_text(TORCH + "\n", encoding="utf-8")
    base = compile_lock(uv, "--group", "build", "--constraint", str(torch_pin))
    full = compile_lock(uv, "--all-extras", "--group", "build", "--group", "dev", "--constraint", str(torch_pin))
    torch_pin.unlink()
    write("base.txt", base)
    write("full.txt", [package for package in full if not CUDA.match(package)])
    write("cuda.txt", [package for package in full if CUDA.match(package)])


def write(name: str, packages: list[str]) -> None:
    """Write one lock file."""
    (HERE / name).write_text("\n".join(packages) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
