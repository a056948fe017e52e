"""What a benchmark ran on: figures, and some targets, depend on the processor's instructions."""

import platform
from pathlib import Path

import torch

from protsae.device import products_dtype


def has_fast_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself, so that ``auto`` chooses it.

    Where it does not, targets in bfloat16 do not apply: there are others for float32.
    """
    return products_dtype("auto", torch.device("cpu")) == torch.bfloat16


def processor() -> str:
    """Cores, name and instruction set of the processor, and the version of PyTorch."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    name = f"{len(models)} cores of {models[0]}" if models else platform.processor()
    bfloat16 = "with" if has_fast_bfloat16() else "without"
    return (
        f"{name or platform.machine()}, {torch.backends.cpu.get_cpu_capability()} "
        f"{bfloat16} bfloat16, torch {torch.__version__}"
    )


def machine(device: str = "cpu") -> str:
    """The head of every benchmark: the processor, and the GPU if it ran on that."""
    gpu = f"{torch.cuda.get_device_name()} beside " if device == "cuda" else ""
    return gpu + processor()


if __name__ == "__main__":
    print(machine())
