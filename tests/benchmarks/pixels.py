"""What each pixel format of a camera costs, as grey and as colour.

    python -m tests.benchmarks.pixels [--size 1280x720]

Converts pictures as the capture thread does and tells the CPU time of one.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np

from app.process import prepare_process
from app.sources.options import SIZE
from app.sources.pixels import PIXEL_FORMATS, PixelLayout, decode, has_colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS, _REPEATS = 9, 20


def main() -> int:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=SIZE.parse, default=(1280, 720))
    size = parser.parse_args().size
    prepare_process()
    print(f"CPU a picture of {size[0]}x{size[1]}, median of {_ROUNDS} rounds\n")
    print("| pixels | what they are | as grey | as colour |")
    print("| --- " * 4 + "|")
    for pixels, kind in PIXEL_FORMATS.items():
        data = _picture(pixels, size)
        layout = PixelLayout(pixels, *size)
        grey = f"{_cost_ms(data, layout, is_colour=False):.2f} ms"
        colour = (
            f"{_cost_ms(data, layout, is_colour=True):.2f} ms"
            if has_colour(pixels)
            else "has none"
        )
        print(f"| {pixels} | {kind.title} | {grey} | {colour} |")
    return 0


def _cost_ms(data: NDArray[np.uint8], layout: PixelLayout, *, is_colour: bool) -> float:
    costs = []
    for _ in range(_ROUNDS):
        cpu_s = time.process_time()
        for _ in range(_REPEATS):
            if decode(data, layout, is_colour=is_colour) is None:
                raise SystemExit(f"{layout.pixels} could not be read")
        costs.append(1e3 * (time.process_time() - cpu_s) / _REPEATS)
    return float(np.median(costs))


def _picture(pixels: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Texture with noise, as many bytes as the format takes; real JPEG."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    grey = 110 + 60 * np.sin(x / 9) * np.sin(y / 7)
    noise = np.random.default_rng(6).normal(0, 4, grey.shape)
    image = np.clip(grey + noise, 0, 255).astype(np.uint8)
    if pixels in ("MJPG", "JPEG"):
        colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        return np.asarray(cv2.imencode(".jpg", colour)[1], np.uint8).reshape(-1)
    # Four bytes a pixel are the most that any format has.
    return np.tile(image.reshape(-1), 4)


if __name__ == "__main__":
    sys.exit(main())
