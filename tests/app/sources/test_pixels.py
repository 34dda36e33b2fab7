from __future__ import annotations

import cv2
import numpy as np
import pytest

from app.sources.pixels import PIXEL_FORMATS, PixelLayout, decode, has_colour

_WIDTH, _HEIGHT = 64, 48


def _scene() -> np.ndarray:
    """BGR picture without fine structure, which a mosaic would lose."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    blue, green, red = 40 + 2 * x, 60 + 3 * y, 200 - x - y
    return np.stack([blue, green, red], axis=2).astype(np.uint8)


def _mosaic(order: str, bits: int) -> bytes:
    scene = _scene()
    raw = np.empty((_HEIGHT, _WIDTH), np.uint16)
    for place, letter in enumerate(order):
        row, column = divmod(place, 2)
        raw[row::2, column::2] = scene[row::2, column::2, "BGR".index(letter)]
    if bits == 8:
        return raw.astype(np.uint8).tobytes()
    return (raw << (bits - 8)).astype("<u2").tobytes()


def _encoded(pixels: str) -> bytes:
    """The scene as a camera gives it."""
    scene = _scene()
    grey = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY)
    mosaics = {
        "BGGR": ("BA81", "BG10", "BG12"),
        "GBRG": ("GBRG", "GB10", "GB12"),
        "GRBG": ("GRBG", "BA10", "BA12"),
        "RGGB": ("RGGB", "RG10", "RG12"),
    }
    for order, names in mosaics.items():
        if pixels in names:
            return _mosaic(order, (8, 10, 12)[names.index(pixels)])
    i420 = cv2.cvtColor(scene, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    luma, u, v = np.split(i420, [grey.size, grey.size * 5 // 4])
    if pixels in ("YUYV", "UYVY"):
        rows = luma.reshape(_HEIGHT, _WIDTH)
        packed = np.empty((_HEIGHT, _WIDTH, 2), np.uint8)
        at = 0 if pixels == "YUYV" else 1
        packed[..., at] = rows
        half = (_HEIGHT // 2, _WIDTH // 2)
        packed[:, 0::2, 1 - at] = np.repeat(u.reshape(half), 2, axis=0)
        packed[:, 1::2, 1 - at] = np.repeat(v.reshape(half), 2, axis=0)
        return packed.tobytes()
    simple = {
        "GREY": grey.tobytes,
        "Y10": (grey.astype("<u2") << 2).tobytes,
        "Y12": (grey.astype("<u2") << 4).tobytes,
        "Y16": (grey.astype("<u2") << 8).tobytes,
        "YU12": i420.tobytes,
        "NV12": lambda: luma.tobytes() + np.stack([u, v], axis=1).tobytes(),
        "BGR3": scene.tobytes,
        "RGB3": scene[..., ::-1].tobytes,
        "XR24": lambda: cv2.cvtColor(scene, cv2.COLOR_BGR2BGRA).tobytes(),
        "MJPG": lambda: cv2.imencode(".jpg", scene)[1].tobytes(),
        "JPEG": lambda: cv2.imencode(".jpg", scene)[1].tobytes(),
    }
    return bytes(simple[pixels]())


def _layout(pixels: str, stride: int = 0) -> PixelLayout:
    return PixelLayout(pixels, _WIDTH, _HEIGHT, stride)


@pytest.mark.parametrize("pixels", PIXEL_FORMATS)
def test_every_format_gives_the_scene_in_grey(pixels: str) -> None:
    data = np.frombuffer(_encoded(pixels), np.uint8)
    image = decode(data, _layout(pixels), is_colour=False)

    assert image is not None
    assert image.shape == (_HEIGHT, _WIDTH)
    assert not image.flags.writeable
    grey = cv2.cvtColor(_scene(), cv2.COLOR_BGR2GRAY).astype(float)
    inner = (slice(2, -2), slice(2, -2))
    # Luma has a range of its own: what is compared is the shape of the values.
    likeness = np.corrcoef(image[inner].ravel(), grey[inner].ravel())[0, 1]
    assert likeness > 0.99
    assert abs(image[inner].mean() - grey[inner].mean()) < 12


@pytest.mark.parametrize("pixels", [name for name in PIXEL_FORMATS if has_colour(name)])
def test_every_colour_format_gives_the_scene_in_bgr(pixels: str) -> None:
    data = np.frombuffer(_encoded(pixels), np.uint8)
    image = decode(data, _layout(pixels), is_colour=True)

    assert image is not None
    assert image.shape == (_HEIGHT, _WIDTH, 3)
    error = np.abs(image.astype(int) - _scene())[2:-2, 2:-2]
    assert error.mean() < 4


@pytest.mark.parametrize("pixels", ["GREY", "Y16"])
def test_a_grey_camera_stays_grey_where_colour_is_wanted(pixels: str) -> None:
    data = np.frombuffer(_encoded(pixels), np.uint8)
    image = decode(data, _layout(pixels), is_colour=True)

    assert image is not None
    assert image.ndim == 2


@pytest.mark.parametrize("pixels", ["GREY", "Y10", "YUYV", "NV12", "YU12", "BA81"])
@pytest.mark.parametrize("is_colour", [False, True])
def test_rows_with_padding_give_the_same_picture(pixels: str, is_colour: bool) -> None:
    tight = np.frombuffer(_encoded(pixels), np.uint8)
    row_bytes = _WIDTH * (2 if pixels in ("Y10", "YUYV") else 1)
    pad = 16
    luma_bytes = row_bytes * _HEIGHT
    padded = [np.pad(tight[:luma_bytes].reshape(-1, row_bytes), ((0, 0), (0, pad)))]
    if pixels == "NV12":
        chroma = tight[luma_bytes:].reshape(-1, row_bytes)
        padded.append(np.pad(chroma, ((0, 0), (0, pad))))
    elif pixels == "YU12":
        chroma = tight[luma_bytes:].reshape(-1, row_bytes // 2)
        padded.append(np.pad(chroma, ((0, 0), (0, pad // 2))))
    data = np.concatenate([each.ravel() for each in padded])

    expected = decode(tight, _layout(pixels), is_colour=is_colour)
    image = decode(data, _layout(pixels, row_bytes + pad), is_colour=is_colour)

    assert expected is not None
    assert image is not None
    assert np.array_equal(image, expected)


@pytest.mark.parametrize("pixels", PIXEL_FORMATS)
@pytest.mark.parametrize("is_colour", [False, True])
def test_data_that_are_cut_short_are_damaged(pixels: str, is_colour: bool) -> None:
    whole = np.frombuffer(_encoded(pixels), np.uint8)
    for count in (0, 7, len(whole) // 5):
        image = decode(whole[:count], _layout(pixels), is_colour=is_colour)
        is_jpeg = pixels in ("MJPG", "JPEG")
        # A JPEG that ends early may still be a picture: its upper part.
        assert image is None or (is_jpeg and count > 7)


def test_a_jpeg_of_another_size_is_refused() -> None:
    small = cv2.imencode(".jpg", _scene()[::2, ::2])[1]

    assert decode(np.asarray(small), _layout("MJPG"), is_colour=False) is None


def test_noise_is_no_jpeg() -> None:
    noise = np.random.default_rng(3).integers(0, 256, 5000, np.uint8)

    assert decode(noise, _layout("MJPG"), is_colour=False) is None


def test_a_jpeg_without_its_tables_is_read_as_cameras_send_it() -> None:
    # Motion JPEG leaves out the Huffman tables, which are always the same.
    data = _encoded("MJPG")
    stripped = b""
    at = 2
    stripped += data[:2]
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big") + 2
        if data[at + 1] != 0xC4:
            stripped += data[at : at + length]
        at += length
    stripped += data[at:]
    assert len(stripped) < len(data)

    image = decode(np.frombuffer(stripped, np.uint8), _layout("MJPG"), is_colour=False)

    whole = decode(np.frombuffer(data, np.uint8), _layout("MJPG"), is_colour=False)
    assert image is not None
    assert whole is not None
    assert np.array_equal(image, whole)


def test_the_pixels_may_be_reused_afterwards() -> None:
    for pixels in PIXEL_FORMATS:
        data = np.frombuffer(_encoded(pixels), np.uint8).copy()
        image = decode(data, _layout(pixels), is_colour=False)
        assert image is not None
        before = image.copy()
        data[:] = 0
        assert np.array_equal(image, before)


@pytest.mark.parametrize("pixels", PIXEL_FORMATS)
def test_a_grey_network_never_pays_for_colour(
    pixels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []

    def count(name: str) -> None:
        real = getattr(cv2, name)

        def counted(*arguments: object, **named: object) -> object:
            image = real(*arguments, **named)
            made.append((name, image.ndim))
            return image

        monkeypatch.setattr(cv2, name, counted)

    for name in ("cvtColor", "imdecode", "extractChannel", "convertScaleAbs"):
        count(name)
    data = np.frombuffer(_encoded(pixels), np.uint8)
    made.clear()

    image = decode(data, _layout(pixels), is_colour=False)

    assert image is not None
    assert image.ndim == 2
    # Nothing that was made on the way has colour; at most the bits and the mosaic.
    assert all(dimensions == 2 for _, dimensions in made), made
    assert len(made) <= 2
    luma_as_it_comes = {"GREY", "NV12", "YU12"}
    assert bool(made) is (pixels not in luma_as_it_comes)
