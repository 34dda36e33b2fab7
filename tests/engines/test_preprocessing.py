import numpy as np
import pytest

from engines.manifest import Colour, Fit, InputSpec, Layout
from engines.preprocessing import Preprocessor


def _grey(width_px, height_px, value=0):
    return np.full((height_px, width_px), value, np.uint8)


def test_a_frame_twice_the_size_is_averaged_two_by_two():
    image = _grey(8, 4)
    image[0, 0] = image[1, 1] = 200
    preprocessor = Preprocessor(InputSpec(width_px=4, height_px=2), 8, 4)

    plane = preprocessor.plane(image)

    assert plane.shape == (2, 4)
    assert plane[0, 0] == 100
    assert plane[0, 1] == 0


def test_the_pixel_map_brings_a_point_back_to_where_it_was():
    preprocessor = Preprocessor(InputSpec(width_px=320, height_px=240), 640, 480)

    x_px, y_px = preprocessor.pixel_map.to_frame(np.array([0.0]), np.array([239.0]))

    # Input pixel 0 covers frame pixels 0 and 1, their middle is 0.5.
    assert (x_px[0], y_px[0]) == (0.5, 478.5)


@pytest.mark.parametrize("size", [(10, 8), (4, 3), (12, 2)])
def test_a_crop_takes_the_centre_and_fills_what_is_missing(size):
    width_px, height_px = size
    image = (np.arange(width_px * height_px) % 251).astype(np.uint8)
    image = image.reshape(height_px, width_px)
    spec = InputSpec(width_px=6, height_px=4, fit=Fit.CROP)
    preprocessor = Preprocessor(spec, width_px, height_px)

    plane = preprocessor.plane(image)

    assert plane.shape == (4, 6)
    for row in range(4):
        for column in range(6):
            x_px, y_px = preprocessor.pixel_map.to_frame(
                np.array(column), np.array(row)
            )
            inside_x = min(max(int(x_px), 0), width_px - 1)
            inside_y = min(max(int(y_px), 0), height_px - 1)
            assert plane[row, column] == image[inside_y, inside_x]


def test_three_frames_become_channels_oldest_first():
    spec = InputSpec(width_px=4, height_px=2, frame_count=3)
    preprocessor = Preprocessor(spec, 4, 2)
    planes = [preprocessor.plane(_grey(4, 2, value)) for value in (0, 51, 255)]

    tensor = preprocessor.tensor(planes)

    assert tensor.shape == (1, 2, 4, 3)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0, 0, 0], [0.0, 0.2, 1.0], atol=1e-6)


def test_a_colour_network_gets_its_order_layout_and_scale():
    spec = InputSpec(
        width_px=4,
        height_px=2,
        colour=Colour.RGB,
        layout=Layout.NCHW,
        scale=2.0 / 255.0,
        offset=-1.0,
    )
    image = np.zeros((2, 4, 3), np.uint8)
    image[...] = (0, 0, 255)  # red, as BGR
    preprocessor = Preprocessor(spec, 4, 2)

    tensor = preprocessor.tensor([preprocessor.plane(image)])

    assert tensor.shape == (1, 3, 2, 4)
    np.testing.assert_allclose(tensor[0, :, 0, 0], [1.0, -1.0, -1.0], atol=1e-6)


def test_a_network_of_bytes_gets_bytes():
    spec = InputSpec(width_px=4, height_px=2, dtype="uint8")
    preprocessor = Preprocessor(spec, 4, 2)

    tensor = preprocessor.tensor([preprocessor.plane(_grey(4, 2, 77))])

    assert tensor.dtype == np.uint8
    assert tensor.max() == 77


def test_colour_becomes_grey_and_grey_becomes_colour():
    colour = np.full((2, 4, 3), 90, np.uint8)
    to_grey = Preprocessor(InputSpec(width_px=4, height_px=2), 4, 2)
    to_colour = Preprocessor(
        InputSpec(width_px=4, height_px=2, colour=Colour.BGR), 4, 2
    )

    assert to_grey.plane(colour).shape == (2, 4)
    assert to_colour.plane(_grey(4, 2, 90)).shape == (2, 4, 3)


def test_a_frame_of_another_size_is_refused():
    preprocessor = Preprocessor(InputSpec(width_px=4, height_px=2), 8, 4)

    with pytest.raises(ValueError, match="frame of"):
        preprocessor.plane(_grey(4, 2))


def test_a_wrong_number_of_frames_is_refused():
    preprocessor = Preprocessor(InputSpec(width_px=4, height_px=2, frame_count=3), 4, 2)

    with pytest.raises(ValueError, match="1 planes"):
        preprocessor.tensor([_grey(4, 2)])
