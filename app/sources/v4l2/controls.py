"""The controls of a Video4Linux camera: whatever its driver has."""

from __future__ import annotations

import ctypes
import errno
from typing import TYPE_CHECKING

from app.sources.controls import Control, ControlKind
from app.sources.v4l2 import structs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.v4l2.device import Device

_MOST_CONTROLS = 512


def list_controls(device: Device) -> tuple[Control, ...]:
    """Ask for all controls and their values; raises `OSError`.

    Arrays and texts, which some drivers have beside them, are left out.
    """
    found = []
    description = structs.ControlDescription(id=structs.CONTROL_NEXT)
    for _ in range(_MOST_CONTROLS):
        try:
            device.ioctl(structs.QUERY_CONTROL, description)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                break
            raise
        control = _control_of(device, description)
        if control is not None:
            found.append(control)
        last = description.id
        description = structs.ControlDescription(id=last | structs.CONTROL_NEXT)
    return tuple(found)


def read_control(device: Device, control_id: int, *, is_wide: bool = False) -> int:
    """The value of a control; raises `OSError`."""
    if is_wide:
        wide = structs.WideValue(id=control_id)
        device.ioctl(structs.GET_WIDE_CONTROLS, _one(wide))
        return int(wide.of.wide)
    value = structs.ControlValue(id=control_id)
    device.ioctl(structs.GET_CONTROL, value)
    return int(value.value)


def write_control(device: Device, control: Control, value: int) -> None:
    """Set a control; the driver may take a value near it. Raises `OSError`."""
    if control.kind is ControlKind.INTEGER64:
        wide = structs.WideValue(id=control.id)
        wide.of.wide = value
        device.ioctl(structs.SET_WIDE_CONTROLS, _one(wide))
        return
    signed = ctypes.c_int32(value).value
    device.ioctl(structs.SET_CONTROL, structs.ControlValue(id=control.id, value=signed))


def apply_controls(device: Device, values: Mapping[str, int]) -> None:
    """Set controls by their names, in this order; raises `OSError`.

    Those that it has not, or that another control rules, are left out: setting one may
    change that of others, as automatic exposure rules the exposure.
    """
    for name, value in values.items():
        # Read anew each time: which ones are ruled by others may have changed.
        control = {each.name: each for each in list_controls(device)}.get(name)
        if control is None or control.is_read_only or control.is_inactive:
            continue
        is_bounded = control.kind is not ControlKind.BITMASK
        bounded = max(control.minimum, min(control.maximum, value))
        write_control(device, control, bounded if is_bounded else value)


def _one(wide: structs.WideValue) -> structs.WideValues:
    return structs.WideValues(count=1, controls=ctypes.pointer(wide))


def _control_of(
    device: Device, description: structs.ControlDescription
) -> Control | None:
    flags = description.flags
    is_odd = flags & (structs.CONTROL_DISABLED | structs.CONTROL_HAS_PAYLOAD)
    if is_odd or description.type not in set(ControlKind):
        return None
    kind = ControlKind(description.type)
    value = 0
    is_valued = kind not in (ControlKind.BUTTON, ControlKind.HEADING)
    if is_valued and not flags & structs.CONTROL_WRITE_ONLY:
        is_wide = kind is ControlKind.INTEGER64
        try:
            value = read_control(device, description.id, is_wide=is_wide)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise
            # Some cameras announce what they then refuse to tell.
            return None
    return Control(
        id=int(description.id),
        name=description.name.decode("utf-8", "replace"),
        kind=kind,
        minimum=int(description.minimum),
        maximum=int(description.maximum),
        step=max(1, int(description.step)),
        default=int(description.default),
        value=value,
        choices=_choices(device, description, kind),
        is_read_only=bool(flags & structs.CONTROL_READ_ONLY),
        is_inactive=bool(flags & structs.CONTROL_INACTIVE),
    )


def _choices(
    device: Device, description: structs.ControlDescription, kind: ControlKind
) -> tuple[tuple[int, str], ...]:
    if kind not in (ControlKind.MENU, ControlKind.INTEGER_MENU):
        return ()
    found = []
    for index in range(description.minimum, description.maximum + 1):
        entry = structs.MenuEntry(id=description.id, index=index)
        try:
            device.ioctl(structs.QUERY_MENU, entry)
        except OSError as error:
            # A menu may have holes.
            if error.errno == errno.EINVAL:
                continue
            raise
        is_text = kind is ControlKind.MENU
        name = entry.of.name.decode("utf-8", "replace") if is_text else None
        found.append((index, name if name is not None else str(entry.of.value)))
    return tuple(found)
