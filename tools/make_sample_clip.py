"""Makes the clip that ships in `resources/samples`, from the synthetic scene.

Run from the project's root: `python -m tools.make_sample_clip`. The scene is the same
each time; the bytes are the same with the same version of the encoder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
from av.video.stream import VideoStream

from engines.scene import Scene, SceneSettings

CLIP = Path(__file__).resolve().parent.parent / "resources/samples/fast_objects.mp4"
SECONDS = 20
# Little noise, and no shake: both would multiply the size of the file.
SCENE = SceneSettings(
    object_count=7,
    speed_px_s=(500.0, 3000.0),
    size_px=(7.0, 18.0),
    contrast=(50.0, 110.0),
    noise_sigma=1.5,
    clutter=8,
    seed=28,
)


def write_clip(
    path: Path, settings: SceneSettings = SCENE, seconds: float = SECONDS
) -> int:
    """Write a scene as an MP4 file that plays everywhere.

    Parameters
    ----------
    path : Path
        Overwritten if it is there.
    settings : SceneSettings
        Of the scene; width and height must be even.
    seconds : float
        Length of the clip.

    Returns
    -------
    int
        The number of frames written.
    """
    scene = Scene(settings)
    frame_count = round(seconds * settings.frame_rate_hz)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=round(settings.frame_rate_hz))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = settings.width_px, settings.height_px
        # Grey H.264 would be smaller, and is not played by browsers.
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "slow", "crf": "28", "g": "120"}
        for index in range(frame_count):
            frame = av.VideoFrame.from_ndarray(scene.render(index), format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return frame_count


def main() -> None:
    """Write the clip, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=CLIP)
    path: Path = parser.parse_args().path
    path.parent.mkdir(parents=True, exist_ok=True)
    frame_count = write_clip(path)
    print(f"{path}: {frame_count} frames, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
