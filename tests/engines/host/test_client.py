import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from engines.base import EngineKind, Precision
from engines.catalogue import open_engine
from engines.errors import (
    EngineError,
    EngineUnavailableError,
    FrameLostError,
    InferenceError,
    ManifestError,
)
from engines.host import channel, client
from engines.host.channel import Peer
from engines.host.client import HostedEngine
from engines.host.errors import (
    HostLostError,
    HostStartError,
    HostVersionError,
)
from engines.host.link import Deadlines
from engines.host.process import ROOT
from engines.manifest import InputSpec, ModelManifest, save_manifest
from tests.engines.host import hosts
from tests.engines.host.hosts import (
    is_running,
    left_behind,
    obedient_python,
    order,
    own_folders,
    this_python,
    write_python,
)

QUICK = Deadlines(handshake_s=30.0, infer_s=1.0, silence_s=30.0, stop_s=3.0)
pytestmark = pytest.mark.usefixtures("runtime_folder")

PYTHON36 = ROOT / ".venv-engines36" / "bin" / "python"


@pytest.fixture(autouse=True)
def short_back_off(monkeypatch):
    monkeypatch.setattr(client, "BACK_OFF_S", (0.01, 0.02))


@pytest.fixture(scope="module")
def engine():
    """A healthy engine; who harms it takes `mortal`."""
    with HostedEngine(this_python(), EngineKind.REFERENCE) as hosted:
        yield hosted


@pytest.fixture
def mortal():
    with own_folders(), HostedEngine(this_python(), EngineKind.REFERENCE) as hosted:
        yield hosted


@pytest.fixture
def obedient(tmp_path):
    with own_folders(), HostedEngine(
        obedient_python(tmp_path), EngineKind.REFERENCE, deadlines=QUICK
    ) as hosted:
        yield hosted


def test_a_hosted_engine_gives_what_the_same_engine_gives_here(engine):
    tensor = order()

    output = engine.infer(tensor)

    with open_engine(EngineKind.REFERENCE) as here:
        np.testing.assert_array_equal(output, here.infer(tensor))


def test_an_output_stays_as_it_is_during_the_next_inference(engine):
    first = engine.infer(order(hosts.INFER))
    before = first.copy()

    engine.infer(np.zeros_like(order()))

    np.testing.assert_array_equal(first, before)


def test_an_output_can_be_read_after_its_engine_is_closed():
    with HostedEngine(this_python(), EngineKind.REFERENCE) as engine:
        output = engine.infer(order())
        before = output.copy()

    np.testing.assert_array_equal(output, before)


def test_the_spec_names_the_hosts_library_and_python(engine):
    spec = engine.spec

    assert spec.kind is EngineKind.REFERENCE
    assert spec.precision is Precision.FP32
    assert spec.library == "numpy {}, hosted by Python {}.{}.{}".format(
        np.__version__, *sys.version_info[:3]
    )
    assert engine.capabilities.executable


def test_a_ping_takes_some_time(engine):
    assert 0.0 < engine.ping() < 1000.0


def test_socket_and_ring_have_no_name_once_the_host_has_them(runtime_folder):
    with HostedEngine(this_python(), EngineKind.REFERENCE):
        assert left_behind(runtime_folder) == []


def test_a_tensor_of_another_shape_never_leaves(engine):
    with pytest.raises(InferenceError, match="the network takes"):
        engine.infer(np.zeros((1, 8, 8, 3), np.float32))


def test_an_orderly_stop_leaves_no_process():
    engine = HostedEngine(this_python(), EngineKind.REFERENCE)
    process_id = engine.host_process_id

    engine.close()
    engine.close()

    assert not is_running(process_id)
    assert engine.host_process_id is None


def test_a_killed_host_costs_the_frame_in_flight_and_is_replaced(obedient, caplog):
    first_host = obedient.host_process_id
    obedient.infer(order())

    with pytest.raises(FrameLostError, match="was ended by SIGKILL") as caught:
        obedient.infer(order(hosts.DIE))
    output = obedient.infer(order())

    assert caught.value.hint == "about to die"
    assert output.shape == (1, 240, 320, 1)
    assert obedient.restarts == 1
    assert obedient.host_process_id != first_host
    assert not is_running(first_host)
    assert "about to die" in caplog.text


def test_a_host_killed_between_two_frames_costs_one(mortal):
    mortal.infer(order())
    os.kill(mortal.host_process_id, signal.SIGKILL)

    with pytest.raises(FrameLostError, match="SIGKILL") as caught:
        mortal.infer(order())

    assert "run out of memory" in caught.value.hint
    assert mortal.infer(order()).shape == (1, 240, 320, 1)


def test_three_deaths_without_a_result_give_up(obedient):
    for _ in range(2):
        with pytest.raises(FrameLostError):
            obedient.infer(order(hosts.DIE))

    with pytest.raises(HostLostError, match=r"died 3 times .* SIGKILL") as caught:
        obedient.infer(order(hosts.DIE))
    with pytest.raises(HostLostError):
        obedient.infer(order())

    assert caught.value.hint == "about to die"
    assert obedient.host_process_id is None


def test_a_result_between_deaths_starts_the_count_again(obedient):
    for _ in range(4):
        with pytest.raises(FrameLostError):
            obedient.infer(order(hosts.DIE))
        obedient.infer(order())

    assert obedient.restarts == 4


def test_a_host_that_dies_at_every_new_start_is_given_up(tmp_path):
    # It comes up once; its second and later lives end at once.
    python = write_python(
        tmp_path,
        "",
        before=f"[ -e {tmp_path}/lived ] && exit 7; touch {tmp_path}/lived",
    )
    with HostedEngine(python, EngineKind.REFERENCE) as engine:
        os.kill(engine.host_process_id, signal.SIGKILL)
        with pytest.raises(FrameLostError):
            engine.infer(order())

        with pytest.raises(HostLostError, match="ended with status 7"):
            engine.infer(order())


def test_a_hanging_inference_ends_the_host_and_costs_the_frame(obedient):
    hanging = obedient.host_process_id

    with pytest.raises(FrameLostError, match="did not answer in time"):
        obedient.infer(order(hosts.HANG))

    assert not is_running(hanging)


def test_a_bug_in_the_host_is_a_death_with_its_traceback(obedient):
    with pytest.raises(FrameLostError, match="ended with status 1") as caught:
        obedient.infer(order(hosts.BUG))

    assert caught.value.hint.endswith("ZeroDivisionError: a bug")


def test_a_refusal_of_the_engine_keeps_type_message_and_hint(obedient):
    with pytest.raises(InferenceError, match="the network refused") as caught:
        obedient.infer(order(hosts.FAIL))

    assert type(caught.value) is InferenceError
    assert caught.value.hint == "Feed it something else."
    assert obedient.restarts == 0


def test_what_the_host_logs_and_prints_is_in_the_clients_log(obedient, caplog):
    with caplog.at_level(logging.INFO):
        obedient.infer(order(hosts.LOG))
        obedient.infer(order(hosts.PRINT))
        obedient.close()

    assert ("engines.host.log", 30, "engines.obedient: the engine is warm") in (
        caplog.record_tuples
    )
    assert ("engines.host.output", 20, "a library speaks") in caplog.record_tuples


def test_a_cancelled_wait_for_an_inference_ends_soon(tmp_path):
    python = obedient_python(tmp_path)
    with HostedEngine(python, EngineKind.REFERENCE) as engine:
        timer = threading.Timer(0.2, engine.cancel)
        timer.start()
        started = time.monotonic()

        with pytest.raises(FrameLostError, match="cancelled"):
            engine.infer(order(hosts.HANG))

        assert time.monotonic() - started < 2.0
        assert engine.host_process_id is None
        timer.join()


@pytest.mark.parametrize("delay_s", [0.0, 0.1])
def test_a_cancelled_start_leaves_no_open_file(delay_s):
    before = _open_files()
    engine = HostedEngine(this_python(), EngineKind.REFERENCE)
    os.kill(engine.host_process_id, signal.SIGKILL)
    with pytest.raises(FrameLostError):
        engine.infer(order())
    timer = threading.Timer(delay_s, engine.cancel)
    timer.start()

    with pytest.raises(FrameLostError):
        engine.infer(order())

    engine.close()
    timer.join()
    assert _open_files() <= before


def _open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_cancelled_engine_starts_no_new_host(mortal):
    os.kill(mortal.host_process_id, signal.SIGKILL)
    mortal.cancel()

    for _ in range(2):
        with pytest.raises(FrameLostError):
            mortal.infer(order())

    assert mortal.restarts == 0


def test_a_model_that_is_not_there_is_refused_by_the_host():
    model = ModelManifest(
        name="gone", input=InputSpec(8, 8), folder=Path("/nowhere/at/all")
    )

    with pytest.raises(ManifestError, match="cannot read"):
        HostedEngine(this_python(), EngineKind.OPENVINO, model)


def test_a_model_folder_may_be_named_in_any_language(tmp_path):
    folder = tmp_path / "mod\u00e8le \u732b"
    folder.mkdir()
    model = ModelManifest(name="empty", input=InputSpec(8, 8), folder=folder)
    save_manifest(model, folder)

    with pytest.raises(EngineError) as caught:
        HostedEngine(this_python(), EngineKind.OPENVINO, model)

    # It was found: what is missing is OpenVINO, or a file for it.
    assert not isinstance(caught.value, ManifestError)
    assert "OpenVINO" in caught.value.message


def test_an_engine_without_its_model_starts_no_host():
    with pytest.raises(EngineUnavailableError, match="needs a model"):
        HostedEngine(Path("/nowhere/python"), EngineKind.OPENVINO)


def test_a_host_of_another_version_is_refused_with_a_sentence(tmp_path):
    python = write_python(
        tmp_path, "import engines.host.messages as m\nm.PROTOCOL_VERSION = 99"
    )

    with pytest.raises(HostVersionError, match=r"speaks version 99 .* this one speaks"):
        HostedEngine(python, EngineKind.REFERENCE)


def test_a_program_that_is_no_python_is_refused_with_what_it_says(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no module named numpy\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(HostStartError, match="ended with status 1") as caught:
        HostedEngine(program, EngineKind.REFERENCE)
    assert caught.value.hint == "no module named numpy"


def test_a_program_that_never_connects_is_given_up_and_ended(tmp_path):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/id\nexec sleep 60\n")
    program.chmod(0o755)

    with pytest.raises(HostStartError, match="did not answer in time"):
        HostedEngine(
            program, EngineKind.REFERENCE, deadlines=Deadlines(handshake_s=3.0)
        )
    assert not is_running(int((tmp_path / "id").read_text()))


def test_another_users_process_cannot_pose_as_the_host(monkeypatch, caplog):
    stranger = Peer(4711, os.getuid() + 1)
    monkeypatch.setattr(channel, "peer_of", lambda _connection: stranger)

    with pytest.raises(HostStartError):
        HostedEngine(
            this_python(), EngineKind.REFERENCE, deadlines=Deadlines(handshake_s=60.0)
        )

    assert "process 4711 at the other end" in caplog.text


def test_a_host_that_answers_another_question_is_ended(tmp_path):
    python = write_python(
        tmp_path,
        "import engines.host.server as server\n"
        "from engines.host.messages import Pong\n"
        "server.EngineHost._infer = lambda self, message: Pong(message.sequence)",
    )
    engine = HostedEngine(python, EngineKind.REFERENCE)

    with engine, pytest.raises(FrameLostError, match="'pong' out of place"):
        engine.infer(order())


def test_the_host_ends_with_a_client_that_was_killed(runtime_folder):
    # Given a client process whose host is in a long inference.
    code = (
        "import sys, pathlib, threading\n"
        "from engines.base import EngineKind\n"
        "from engines.host.client import HostedEngine\n"
        "from tests.engines.host import hosts\n"
        "python = hosts.obedient_python(pathlib.Path(sys.argv[1]))\n"
        "engine = HostedEngine(python, EngineKind.REFERENCE)\n"
        "print(engine.host_process_id, flush=True)\n"
        "engine.infer(hosts.order(hosts.HANG))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(runtime_folder)],
        stdout=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )
    with process:
        host = int(process.stdout.readline())
        time.sleep(0.2)

        # When it is killed.
        process.kill()

    # Then the host follows at once: nobody else could end it.
    deadline_s = time.monotonic() + 5.0
    while is_running(host) and not _is_zombie(host) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not is_running(host) or _is_zombie(host)


def _is_zombie(process_id):
    # Where nobody collects orphans, as in a bare container, it stays as one.
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rsplit(")", 1)[1].split()[0] == "Z"


@pytest.mark.skipif(not PYTHON36.exists(), reason="no Python 3.6 is set up here")
def test_an_engine_is_hosted_by_python_36():
    tensor = order()

    with HostedEngine(PYTHON36, EngineKind.REFERENCE) as engine:
        output = engine.infer(tensor)

        assert engine.capabilities.python.startswith("3.6.")
        with open_engine(EngineKind.REFERENCE) as here:
            np.testing.assert_allclose(output, here.infer(tensor), atol=1e-7)
