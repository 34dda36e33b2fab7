from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.frames import Blobs, Crop, Frame, FrameResult, Tracks, TrackState, Trail
from app.framing import BACKDROP_BGR
from app.ink import Ink, track_colour_bgr
from app.overlay import OverlayOptions, View, compose

if TYPE_CHECKING:
    from numpy.typing import NDArray

GREY = 100
NOTHING = OverlayOptions(
    shows_mask=False, shows_outlines=False, shows_ids=False, shows_trails=False
)
ACTUAL = View.fit(200, 150, 200, 150)


def tracks_of(
    state: TrackState, x_px: float, y_px: float, track_id: int = 7, blob: int = -1
) -> Tracks:
    def column(value: float) -> NDArray[np.float32]:
        return np.array([value], np.float32)

    return Tracks(
        id=np.array([track_id]),
        state=np.array([state], np.uint8),
        x_px=column(x_px),
        y_px=column(y_px),
        vx_px_s=column(0),
        vy_px_s=column(0),
        width_px=column(10),
        height_px=column(10),
        area_px=column(80),
        confidence=column(1),
        blob=np.array([blob], np.int32),
        age_s=column(1),
        sigma_px=column(1),
    )


def result_of(
    image: NDArray[np.uint8] | None = None,
    *,
    tracks: Tracks | None = None,
    blobs: Blobs | None = None,
    mask: NDArray[np.bool_] | None = None,
    mask_area_px: tuple[float, float, float, float] | None = None,
) -> FrameResult:
    if image is None:
        image = np.full((150, 200, 3), GREY, np.uint8)
    image.setflags(write=False)
    height, width = image.shape[:2]
    return FrameResult(
        frame=Frame(0, 0, time.monotonic_ns(), image),
        blobs=blobs or Blobs.empty(),
        tracks=tracks or Tracks.empty(),
        mask=np.zeros((15, 20), np.bool_) if mask is None else mask,
        mask_area_px=mask_area_px or (0.0, 0.0, float(width), float(height)),
        done_ns=time.monotonic_ns(),
    )


def strength(picture: NDArray[np.uint8]) -> NDArray[np.int_]:
    """How far each pixel is from the even grey of the frame."""
    away: NDArray[np.int_] = np.abs(picture[..., :3].astype(int) - GREY).max(axis=2)
    return away


# --- the frame


def test_a_frame_without_findings_is_shown_as_it_is() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (150, 200, 3), np.uint8)

    picture = compose(result_of(image), (), ACTUAL)

    np.testing.assert_array_equal(picture[..., :3], image)


def test_every_pixel_is_opaque() -> None:
    tracks = tracks_of(TrackState.CONFIRMED, 100, 75)

    picture = compose(result_of(tracks=tracks), (), ACTUAL)

    assert (picture[..., 3] == 255).all()


def test_a_grey_frame_is_shown_in_grey() -> None:
    image = np.arange(150 * 200, dtype=np.uint64).astype(np.uint8).reshape(150, 200)

    picture = compose(result_of(image), (), ACTUAL)

    np.testing.assert_array_equal(picture[..., :3], np.stack([image] * 3, axis=2))


def test_around_a_frame_that_does_not_fill_the_view_is_the_backdrop() -> None:
    picture = compose(result_of(), (), View.fit(200, 150, 400, 150))

    assert tuple(picture[75, 20, :3]) == BACKDROP_BGR
    assert tuple(picture[75, 200, :3]) == (GREY, GREY, GREY)


@pytest.mark.parametrize(
    "view",
    [
        ACTUAL,
        View.fit(200, 150, 100, 75),
        View.fit(200, 150, 333, 217),
        ACTUAL.zoomed(2.3, 91.0, 71.0),
        ACTUAL.zoomed(6.0, 100.0, 60.0).moved(3.4, -7.7),
        ACTUAL.zoomed(17.3, 93.0, 68.0).moved(-11.3, 5.1),
        View.fit(200, 150, 60, 45).moved(4.3, -3.2),
    ],
    ids=lambda view: f"x{view.scale:.2f}",
)
def test_a_frame_point_is_painted_where_the_view_says(view: View) -> None:
    # Bright spots of 4 by 4 pixels, so that shrinking leaves something of them.
    image = np.zeros((150, 200, 3), np.uint8)
    image[68:72, 94:98] = 255

    picture = compose(result_of(image), (), view, NOTHING)

    rows, columns = np.nonzero(picture[..., 0] > 60)
    weight = picture[rows, columns, 0].astype(float)
    u, v = view.to_view(95.5, 69.5)
    assert np.average(columns, weights=weight) == pytest.approx(u, abs=0.5)
    assert np.average(rows, weights=weight) == pytest.approx(v, abs=0.5)


def test_far_zoomed_in_pixels_are_squares() -> None:
    rng = np.random.default_rng(1)
    image = rng.choice(np.array([0, 255], np.uint8), (150, 200))

    picture = compose(result_of(image), (), ACTUAL.zoomed(8.0, 100.0, 75.0))

    assert set(np.unique(picture[..., 0])) == {0, 255}


def test_a_view_beside_the_frame_shows_the_backdrop() -> None:
    picture = compose(result_of(), (), ACTUAL.moved(500.0, 0.0))

    assert (picture[..., :3] == BACKDROP_BGR).all()


# --- the mask


def test_the_mask_tints_what_it_covers_and_nothing_else() -> None:
    mask = np.zeros((15, 20), np.bool_)
    mask[5:8, 4:9] = True
    options = OverlayOptions(shows_outlines=False)

    picture = compose(result_of(mask=mask), (), ACTUAL, options)

    away = strength(picture)
    assert (away[52:78, 42:88] > 20).all()
    away[48:82, 38:92] = 0
    assert not away.any()


def test_the_mask_lies_on_the_part_of_the_frame_it_covers() -> None:
    mask = np.ones((10, 10), np.bool_)
    result = result_of(mask=mask, mask_area_px=(120.0, 40.0, 50.0, 30.0))

    picture = compose(result, (), ACTUAL, OverlayOptions(shows_outlines=False))

    rows, columns = np.nonzero(strength(picture) > 20)
    assert (columns.min(), columns.max()) == pytest.approx((120, 169), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((40, 69), abs=1)


def test_a_mask_without_opacity_leaves_the_trail_under_it() -> None:
    result = result_of(mask=np.ones((15, 20), np.bool_))
    options = OverlayOptions(mask_opacity=0.0, shows_outlines=False)

    picture = compose(result, (trail_of(60),), ACTUAL, options)

    assert strength(picture)[60, 175] > 60


def test_a_hole_in_the_mask_is_not_tinted() -> None:
    mask = np.ones((15, 20), np.bool_)
    mask[5:10, 5:10] = False

    picture = compose(
        result_of(mask=mask), (), ACTUAL, OverlayOptions(shows_outlines=False)
    )

    assert strength(picture)[75, 75] == 0


def test_a_more_opaque_mask_hides_more() -> None:
    result = result_of(mask=np.ones((15, 20), np.bool_))

    faint, strong = (
        strength(compose(result, (), ACTUAL, OverlayOptions(mask_opacity=opacity)))
        for opacity in (0.2, 0.8)
    )

    assert strong[75, 100] > 2 * faint[75, 100] > 0


def test_an_outline_runs_along_the_edges_of_the_masks_pixels() -> None:
    mask = np.zeros((15, 20), np.bool_)
    mask[5, 4] = True
    options = OverlayOptions(shows_mask=False)

    picture = compose(result_of(mask=mask), (), ACTUAL.zoomed(4.0, 45.0, 55.0), options)

    rows, columns = np.nonzero(strength(picture) > 80)
    left, top = ACTUAL.zoomed(4.0, 45.0, 55.0).to_view(39.5, 49.5)
    assert columns.min() == pytest.approx(left, abs=1.5)
    assert rows.min() == pytest.approx(top, abs=1.5)
    assert columns.max() == pytest.approx(left + 40, abs=1.5)


def test_a_blob_has_the_colour_of_its_track() -> None:
    mask = np.zeros((15, 20), np.bool_)
    mask[5:8, 4:9] = True
    result = result_of(
        mask=mask,
        blobs=Blobs.of([65.0], [65.0]),
        tracks=tracks_of(TrackState.CONFIRMED, 65, 65, track_id=3, blob=0),
    )

    picture = compose(result, (), ACTUAL, OverlayOptions(mask_opacity=1.0))

    assert tuple(picture[65, 65, :3]) == pytest.approx(track_colour_bgr(3), abs=2)


def test_a_blob_without_a_track_has_no_hue() -> None:
    result = result_of(mask=np.ones((15, 20), np.bool_))

    picture = compose(result, (), ACTUAL, OverlayOptions(mask_opacity=1.0))

    assert np.ptp(picture[75, 100, :3].astype(int)) <= 2


# --- tracks


def marker(state: TrackState, options: OverlayOptions = NOTHING) -> NDArray[np.int_]:
    tracks = tracks_of(state, 100, 75)
    return strength(compose(result_of(tracks=tracks), (), ACTUAL, options))


def test_a_marker_leaves_the_object_itself_visible() -> None:
    away = marker(TrackState.CONFIRMED)

    assert not away[71:80, 96:105].any()
    assert away.any()


def test_a_tentative_track_is_drawn_thinner_than_a_confirmed_one() -> None:
    tentative, confirmed = (
        marker(TrackState.TENTATIVE),
        marker(TrackState.CONFIRMED),
    )

    assert 0 < (tentative > 40).sum() < (confirmed > 40).sum()


def test_a_lost_track_is_a_dashed_circle_around_where_it_should_be() -> None:
    away = marker(TrackState.LOST)

    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    rows, columns = np.nonzero(away > 60)
    distance = np.hypot(columns - 100, rows - 75)
    radius = np.median(distance[distance > 6])
    ring = away[
        np.rint(75 + radius * np.sin(angle)).astype(int),
        np.rint(100 + radius * np.cos(angle)).astype(int),
    ]
    is_lit = ring > 60
    assert (is_lit != np.roll(is_lit, 1)).sum() >= 12
    assert away[75, 100] > 60


def test_a_less_certain_lost_track_has_a_larger_circle() -> None:
    tracks = tracks_of(TrackState.LOST, 100, 75)
    tracks.sigma_px[0] = 14

    away = strength(compose(result_of(tracks=tracks), (), ACTUAL, NOTHING))

    assert np.nonzero(away > 60)[1].max() == pytest.approx(128, abs=2)


def test_an_ended_track_is_not_drawn() -> None:
    assert not marker(TrackState.ENDED, OverlayOptions()).any()


def test_an_id_is_written_beside_the_marker() -> None:
    without = marker(TrackState.CONFIRMED)

    away = marker(TrackState.CONFIRMED, OverlayOptions())

    rows, columns = np.nonzero((away > 60) & (without == 0))
    assert 112 < columns.mean() < 130
    assert 55 < rows.mean() < 75


def test_the_id_of_a_lost_track_is_a_question() -> None:
    def width(state: TrackState) -> int:
        lettered = marker(state, OverlayOptions()) > 60
        columns = np.nonzero(lettered & (marker(state) == 0))[1]
        return int(np.ptp(columns))

    assert width(TrackState.LOST) > width(TrackState.CONFIRMED) + 4


def test_a_label_at_the_border_is_moved_into_the_picture() -> None:
    tracks = tracks_of(TrackState.CONFIRMED, 195, 4)
    without = strength(compose(result_of(tracks=tracks), (), ACTUAL, NOTHING))

    away = strength(compose(result_of(tracks=tracks), (), ACTUAL))

    assert ((away > 60) & (without == 0)).sum() > 15


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_id_can_be_read_on_any_background(grey: int) -> None:
    image = np.full((150, 200, 3), grey, np.uint8)
    tracks = tracks_of(TrackState.CONFIRMED, 100, 75)

    label = compose(result_of(image, tracks=tracks), (), ACTUAL)[55:75, 113:130, :3]

    luminance = label @ np.array([0.0722, 0.7152, 0.2126])
    assert np.ptp(luminance) > 80


def test_a_denser_screen_gets_larger_letters() -> None:
    tracks = tracks_of(TrackState.CONFIRMED, 50, 75)

    def lettered(ratio: float) -> int:
        view = View.fit(200, 150, 200, 150, ratio)
        result = result_of(tracks=tracks)
        with_ids = strength(compose(result, (), view)) > 60
        without = strength(compose(result, (), view, NOTHING)) > 60
        return int(np.ptp(np.nonzero(with_ids & ~without)[0]))

    assert lettered(2.0) > 1.6 * lettered(1.0)


def test_a_track_far_outside_the_view_is_not_drawn() -> None:
    tracks = tracks_of(TrackState.LOST, 1e6, -1e6)

    picture = compose(result_of(tracks=tracks), (), ACTUAL.zoomed(60.0, 0.0, 0.0))

    assert not strength(picture).any()


def test_neighbouring_ids_have_clearly_different_colours() -> None:
    colours = np.array([track_colour_bgr(i) for i in range(1, 60)], int)

    for apart in (1, 2, 3):
        distance = np.abs(colours[apart:] - colours[:-apart]).sum(axis=1)
        assert distance.min() > 60


# --- trails


def trail_of(points: int, track_id: int = 7) -> Trail:
    x = np.linspace(20, 180, points)
    return Trail(track_id, np.stack([x, np.full(points, 60)], 1).astype(np.float32))


def test_a_trail_fades_towards_its_oldest_point() -> None:
    picture = compose(result_of(), (trail_of(60),), ACTUAL)

    along = strength(picture)[60, 25:176]
    parts = [part.mean() for part in np.array_split(along, 6)]
    assert parts == sorted(parts)
    assert parts[-1] > 3 * parts[0] > 0


def test_a_trail_has_the_colour_of_its_track() -> None:
    picture = compose(result_of(), (trail_of(60, track_id=4),), ACTUAL)

    assert tuple(picture[60, 178, :3]) == pytest.approx(track_colour_bgr(4), abs=25)


def test_trails_can_be_switched_off() -> None:
    picture = compose(result_of(), (trail_of(60),), ACTUAL, NOTHING)

    assert not strength(picture).any()


def test_a_trail_of_one_point_or_two_is_drawn_as_far_as_it_goes() -> None:
    trails = (trail_of(1, track_id=1), trail_of(2, track_id=2))

    picture = compose(result_of(), trails, ACTUAL)

    assert strength(picture)[60, 150] > 60


def test_a_trail_turns_where_the_track_turned() -> None:
    there = np.stack([np.linspace(20, 120, 31), np.full(31, 40.0)], axis=1)
    back = np.stack([np.full(30, 120.0), np.linspace(43, 120, 30)], axis=1)
    points = np.concatenate([there, back]).astype(np.float32)

    picture = compose(result_of(), (Trail(7, points),), ACTUAL)

    assert strength(picture)[39:42, 118:121].max() > 40


def test_a_trail_ends_at_the_edge_of_the_frame() -> None:
    x = np.linspace(-80, 280, 60)
    trail = Trail(7, np.stack([x, np.full(60, 60)], 1).astype(np.float32))

    picture = compose(result_of(), (trail,), View.fit(200, 150, 400, 150))

    halo_px = 2
    assert strength(picture)[60, 100:300].any()
    assert np.all(picture[60, : 100 - halo_px, :3] == BACKDROP_BGR)
    assert np.all(picture[60, 300 + halo_px :, :3] == BACKDROP_BGR)


# --- the drawing's memory


def test_composing_with_kept_planes_draws_the_same() -> None:
    ink = Ink()
    tracks = tracks_of(TrackState.CONFIRMED, 100, 75)
    compose(result_of(tracks=tracks), (trail_of(60),), ACTUAL, None, ink)
    moved = result_of(tracks=tracks_of(TrackState.LOST, 40, 30, track_id=9))

    again = compose(moved, (), ACTUAL, None, ink)

    np.testing.assert_array_equal(again, compose(moved, (), ACTUAL))


def test_any_picture_size_can_be_drawn_on() -> None:
    ink = Ink()
    tracks = tracks_of(TrackState.CONFIRMED, 100, 75)

    for width, height in ((201, 151), (13, 7), (1, 1), (3, 200)):
        view = View.fit(200, 150, width, height)
        picture = compose(result_of(tracks=tracks), (trail_of(9),), view, None, ink)
        assert picture.shape == (height, width, 4)


# --- the view's arithmetic

views = st.builds(
    View,
    width_px=st.integers(1, 4000),
    height_px=st.integers(1, 4000),
    left_px=st.floats(-1000, 1000),
    top_px=st.floats(-1000, 1000),
    scale=st.floats(1 / 64, 64),
)


@settings(max_examples=40)
@given(views, st.floats(0, 4000), st.floats(0, 4000))
def test_a_point_goes_to_the_frame_and_back(view: View, u: float, v: float) -> None:
    assert view.to_view(*view.to_frame(u, v)) == pytest.approx((u, v), abs=1e-5)


@settings(max_examples=40)
@given(views, st.floats(0.1, 10), st.floats(0, 4000), st.floats(0, 4000))
def test_zooming_keeps_the_point_under_the_cursor(
    view: View, factor: float, u: float, v: float
) -> None:
    x, y = view.to_frame(u, v)

    zoomed = view.zoomed(factor, u, v)

    assert zoomed.to_view(x, y) == pytest.approx((u, v), abs=1e-4)


@settings(max_examples=40)
@given(views, st.integers(1, 4000), st.integers(1, 4000))
def test_a_view_of_another_size_has_the_same_centre(
    view: View, width: int, height: int
) -> None:
    x, y = view.to_frame(view.width_px / 2 - 0.5, view.height_px / 2 - 0.5)

    resized = view.resized(width, height)

    middle = (width / 2 - 0.5, height / 2 - 0.5)
    assert resized.to_view(x, y) == pytest.approx(middle, abs=1e-4)


@settings(max_examples=40)
@given(views)
def test_a_view_kept_on_a_frame_has_the_frame_at_its_centre(view: View) -> None:
    kept = view.kept_on(640, 480)

    x, y = kept.to_frame(kept.width_px / 2 - 0.5, kept.height_px / 2 - 0.5)
    assert -0.51 <= x <= 639.51
    assert -0.51 <= y <= 479.51


def test_a_fitted_view_shows_the_whole_frame_in_the_middle() -> None:
    view = View.fit(640, 480, 1280, 720)

    assert view.to_view(-0.5, -0.5) == pytest.approx((159.5, -0.5))
    assert view.to_view(639.5, 479.5) == pytest.approx((1119.5, 719.5))


# --- uncertainty and prediction


def test_a_track_that_may_be_far_along_its_way_has_a_longer_circle() -> None:
    tracks = tracks_of(TrackState.LOST, 100, 75)
    covariance = np.array([[144], [0], [4]], np.float32)
    tracks = replace(tracks, covariance_px2=covariance)

    away = strength(compose(result_of(tracks=tracks), (), ACTUAL, NOTHING))

    rows, columns = np.nonzero(away > 60)
    assert columns.max() == pytest.approx(124, abs=2)
    assert rows.max() == pytest.approx(85, abs=2)


def test_a_slanted_uncertainty_is_drawn_slanted() -> None:
    tracks = tracks_of(TrackState.LOST, 100, 75)
    covariance = np.array([[80], [76], [80]], np.float32)
    tracks = replace(tracks, covariance_px2=covariance)

    away = strength(compose(result_of(tracks=tracks), (), ACTUAL, NOTHING))

    rows, columns = np.nonzero(away > 60)
    assert np.corrcoef(rows, columns)[0, 1] > 0.4


def test_a_large_uncertainty_is_drawn_smaller_in_its_shape() -> None:
    tracks = tracks_of(TrackState.LOST, 100, 75)
    covariance = np.array([[120.0**2], [0], [30.0**2]], np.float32)
    tracks = replace(tracks, covariance_px2=covariance)

    away = strength(compose(result_of(tracks=tracks), (), ACTUAL, NOTHING))

    rows, columns = np.nonzero(away > 60)
    assert np.ptp(columns) == pytest.approx(4 * np.ptp(rows), rel=0.1)


def test_a_lost_track_that_may_be_anywhere_is_not_marked() -> None:
    tracks = tracks_of(TrackState.LOST, 100, 75)
    covariance = np.array([[400.0**2], [0], [100.0**2]], np.float32)
    tracks = replace(tracks, covariance_px2=covariance)

    away = strength(compose(result_of(tracks=tracks), (), ACTUAL, NOTHING))

    assert not (away > 0).any()


PREDICTION = replace(NOTHING, shows_prediction=True)


def _moving(state: TrackState) -> FrameResult:
    tracks = tracks_of(state, 60, 75)
    tracks.vx_px_s[0] = 1000
    return result_of(tracks=tracks)


@pytest.mark.parametrize("state", [TrackState.CONFIRMED, TrackState.LOST])
def test_a_prediction_leads_to_where_the_object_should_be(state: TrackState) -> None:
    result = _moving(state)

    without = strength(compose(result, (), ACTUAL, NOTHING, ahead_s=0.05))
    away = strength(compose(result, (), ACTUAL, PREDICTION, ahead_s=0.05))

    rows, columns = np.nonzero((away > 60) & (without < 30))
    assert columns.max() == pytest.approx(110, abs=2)
    assert rows[columns >= 109].min() == pytest.approx(70, abs=2)


def test_a_track_that_is_not_believed_is_not_predicted() -> None:
    result = _moving(TrackState.TENTATIVE)

    without = compose(result, (), ACTUAL, NOTHING, ahead_s=0.05)
    wanted = compose(result, (), ACTUAL, PREDICTION, ahead_s=0.05)

    np.testing.assert_array_equal(wanted, without)


def test_what_lies_far_ahead_is_not_predicted() -> None:
    result = _moving(TrackState.CONFIRMED)

    wanted = compose(result, (), ACTUAL, PREDICTION, ahead_s=3.0)

    np.testing.assert_array_equal(wanted, compose(result, (), ACTUAL, NOTHING))


CROPS = replace(NOTHING, shows_crops=True)


def _with_crops(
    *, is_search: bool, mask: NDArray[np.bool_] | None = None
) -> FrameResult:
    mask = np.zeros((30, 40), np.bool_) if mask is None else mask
    crop = Crop(left_px=100, top_px=60, mask=mask, is_search=is_search)
    return replace(result_of(), crops=(crop,))


def test_crops_are_marked_at_their_corners_and_the_search_fainter() -> None:
    aimed = strength(compose(_with_crops(is_search=False), (), ACTUAL, CROPS))
    search = strength(compose(_with_crops(is_search=True), (), ACTUAL, CROPS))

    rows, columns = np.nonzero(aimed > 60)
    assert (columns.min(), columns.max()) == pytest.approx((100, 139), abs=2)
    assert (rows.min(), rows.max()) == pytest.approx((60, 89), abs=2)
    assert aimed[70:80, 110:130].max() == 0
    assert 0 < search.max() < aimed.max()


def test_crops_are_not_marked_unless_asked_for() -> None:
    picture = compose(_with_crops(is_search=False), (), ACTUAL)

    assert strength(picture).max() == 0


def test_what_a_crop_alone_shows_is_drawn_at_full_resolution() -> None:
    mask = np.zeros((30, 40), np.bool_)
    mask[10:14, 20:24] = True

    picture = compose(_with_crops(is_search=True, mask=mask), (), ACTUAL)

    rows, columns = np.nonzero(strength(picture) > 30)
    assert (columns.min(), columns.max()) == pytest.approx((120, 123), abs=3)
    assert (rows.min(), rows.max()) == pytest.approx((70, 73), abs=3)
    assert (columns.mean(), rows.mean()) == pytest.approx((121.5, 71.5), abs=0.5)
