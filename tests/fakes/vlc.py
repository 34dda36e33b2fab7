"""Plays a file with VLC's library, as far as tests need it."""

from __future__ import annotations

import ctypes
import threading
from ctypes.util import find_library
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LIBRARY = find_library("vlc")
"""Where it is, or None."""
_OPTIONS = (b"--quiet", b"--no-audio", b"--no-drop-late-frames", b"--no-skip-frames")
_ENDED, _ERROR = 6, 7
_PATIENCE_S = 30.0
_LOCK = ctypes.CFUNCTYPE(
    ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
)
_DISPLAY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


def play(path: Path, width_px: int, height_px: int) -> list[NDArray[np.uint8]]:
    """Play a video to its end; gives the pictures that were shown, in grey.

    Raises
    ------
    OSError
        If VLC cannot play it.
    """
    vlc = ctypes.CDLL(str(LIBRARY))
    for name in ("new", "media_new_path", "media_player_new_from_media"):
        getattr(vlc, f"libvlc_{name}").restype = ctypes.c_void_p
    options = (ctypes.c_char_p * len(_OPTIONS))(*_OPTIONS)
    instance = ctypes.c_void_p(vlc.libvlc_new(len(_OPTIONS), options))
    media = ctypes.c_void_p(vlc.libvlc_media_new_path(instance, str(path).encode()))
    player = ctypes.c_void_p(vlc.libvlc_media_player_new_from_media(media))
    picture = np.zeros((height_px, width_px, 4), np.uint8)
    shown: list[NDArray[np.uint8]] = []

    @_LOCK
    def lock(_: int, planes: ctypes.Array[ctypes.c_void_p]) -> int:
        planes[0] = picture.ctypes.data
        return 0

    @_DISPLAY
    def display(_: int, __: int) -> None:
        shown.append(picture[..., 1].copy())

    vlc.libvlc_video_set_callbacks(player, lock, None, display, None)
    vlc.libvlc_video_set_format(player, b"RV32", width_px, height_px, 4 * width_px)
    vlc.libvlc_media_player_play(player)
    tick = threading.Event()
    state = 0
    for _ in range(round(_PATIENCE_S / 0.02)):
        tick.wait(0.02)
        state = vlc.libvlc_media_player_get_state(player)
        if state in (_ENDED, _ERROR):
            break
    vlc.libvlc_media_player_stop(player)
    for name, what in (("media_player", player), ("media", media)):
        getattr(vlc, f"libvlc_{name}_release")(what)
    vlc.libvlc_release(instance)
    if state != _ENDED:
        raise OSError(0, f"VLC does not play {path}: state {state}")
    return shown
