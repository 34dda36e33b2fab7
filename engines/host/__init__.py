"""Runs an engine in another process, in any CPython from 3.6 with numpy.

For isolation (a crash in a library must not take the recording with it) and for
boards where TensorFlow and Qt cannot share a Python.

    client (any thread of the console)          host (`python -m engines.host`)
    HostedEngine ── HostLink ── Channel ◀─socket─▶ Channel ── EngineHost ── Engine
                        └────── Ring ◀─shared memory─▶ Ring ──────┘

Small messages travel through a Unix socket, tensors through a ring of slots in shared
memory. `HostLink` is one life of a host; `HostedEngine` starts a new one after a crash.
"""
