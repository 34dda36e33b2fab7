"""TensorRT's Python module as its versions document it, without a GPU.

Each family has the calls of its versions and no others (checked against the public
bindings of 8.2, 8.5, 10.3 and 11.1; 7.1 after its API reference), and their manners:
failures are `None` or `False` with the reason in the log, only the first logger is
heard, a network that outlives its builder ends the process (here: an error).

Networks and plans are JSON:

    {"layers": [["Conv", "first"], ...], "inputs": [["x", [1, 2], "FLOAT"]],
     "outputs": [["y", [1, 2], "FLOAT"]]}

Executing a plan writes `2 x + 1`, counting the runs, to every output.
"""

import ctypes
import enum
import json
import threading
import types
import weakref

import numpy as np

_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "UINT8": np.uint8}
_KINDS = {
    "Conv": "CONVOLUTION",
    "Relu": "ACTIVATION",
    "Pad": "SLICE",
    "QuantizeLinear": "QUANTIZE",
    "DequantizeLinear": "DEQUANTIZE",
}


class Family(enum.Enum):
    """Versions with the same calls."""

    V7 = "7.1.3.0"
    V8_2 = "8.2.1.8"
    V8_5 = "8.5.2.2"
    V10 = "10.3.0"
    V11 = "11.1.0"

    @property
    def has_binding_numbers(self):
        return self in (Family.V7, Family.V8_2, Family.V8_5)

    @property
    def has_names(self):
        return self in (Family.V8_5, Family.V10, Family.V11)

    @property
    def has_explicit_batch(self):
        return self is not Family.V11

    @property
    def has_precision_flags(self):
        return self is not Family.V11

    @property
    def has_progress(self):
        return self in (Family.V10, Family.V11)


def fake_tensorrt(family, cudart=None, name="tensorrt"):
    """Make the module of a family; execution needs a `FakeCudart`."""
    return _Maker(family, cudart, name).module


class _Maker:
    def __init__(self, family, cudart, name):
        self.family = family
        self.cudart = cudart
        self.first_logger = None
        self.fails = {}
        self.runs = 0
        module = types.ModuleType(name)
        module.__version__ = family.value
        module.fails = self.fails
        self.module = module
        self._enums()
        self._logging()
        self._building()
        self._running()

    # What is said goes to the first logger of the process, whoever else asks.
    def say(self, severity, text):
        self.first_logger.log(self.module.ILogger.Severity[severity], text)

    def register(self, logger):
        if not isinstance(logger, self.module.ILogger) or not logger.is_constructed:
            raise TypeError("__init__() must be called when overriding __init__")
        if self.first_logger is None:
            self.first_logger = logger

    def _enums(self):
        m, family = self.module, self.family
        names = ["FLOAT", "HALF", "INT8", "INT32", "BOOL"]
        m.DataType = enum.Enum("DataType", [*names, "UINT8", "INT64", "FP4"])
        m.LayerType = enum.Enum("LayerType", sorted(set(_KINDS.values())))
        m.TensorIOMode = enum.Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"])
        m.MemoryPoolType = enum.Enum("MemoryPoolType", ["WORKSPACE"])
        flags = ["TF32"] + (["FP16", "INT8"] if family.has_precision_flags else [])
        m.BuilderFlag = enum.Enum("BuilderFlag", flags)
        if family.has_explicit_batch:
            members = {"EXPLICIT_BATCH": 0}
        else:
            members = {"STRONGLY_TYPED": 1}
        m.NetworkDefinitionCreationFlag = enum.IntEnum(
            "NetworkDefinitionCreationFlag", members
        )

    def _logging(self):
        class Logger:
            is_constructed = False
            Severity = enum.Enum(
                "Severity", ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"]
            )

            def __init__(self):
                self.is_constructed = True

        self.module.ILogger = Logger

    def _building(self):
        maker, m = self, self.module

        class Builder(_Builder):
            def __init__(self, logger):
                maker.register(logger)
                if "Builder" in maker.fails:
                    maker.say("ERROR", maker.fails["Builder"])
                    raise TypeError(
                        "pybind11::init(): factory function returned nullptr"
                    )
                _Builder.__init__(self, maker)

        class OnnxParser(_Parser):
            def __init__(self, network, logger):
                maker.register(logger)
                _Parser.__init__(self, maker, network)

        if self.family is Family.V7:
            Builder.build_engine = _Builder.build_engine_of_7
        else:
            Builder.build_serialized_network = _Builder.serialise
        if self.family.has_precision_flags:
            Builder.platform_has_fast_fp16 = True
            Builder.platform_has_fast_int8 = True
        m.Builder, m.OnnxParser = Builder, OnnxParser
        if self.family.has_progress:
            m.IProgressMonitor = type("IProgressMonitor", (), {})

    def _running(self):
        maker = self

        class Runtime:
            def __init__(self, logger):
                maker.register(logger)

            def deserialize_cuda_engine(self, content):
                plan = json.loads(bytes(content).decode())
                if "deserialize" in maker.fails:
                    maker.say("ERROR", maker.fails["deserialize"])
                    return None
                if plan["version"] != maker.family.value:
                    maker.say("ERROR", "Error Code 1: Serialization (version tag)")
                    return None
                return _Engine(maker, plan)

        self.module.Runtime = Runtime


class _Builder:
    def __init__(self, maker):
        self.maker = maker

    def create_network(self, flags=0):
        return _Network(self, flags)

    def create_builder_config(self):
        return _Config(self.maker)

    def serialise(self, network, config):
        maker = self.maker
        if not _reported(maker, network, config):
            maker.say("ERROR", "Error Code 7: BuildCanceled (Build canceled by user)")
            return None
        for text in maker.fails.get("build", ()):
            maker.say("ERROR", text)
        if "build" in maker.fails:
            return None
        return json.dumps(
            {
                "version": maker.family.value,
                "flags": sorted(one.name for one in config.flags),
                "workspace": config.workspace,
                "inputs": network.document["inputs"],
                "outputs": network.document["outputs"],
            }
        ).encode()

    def build_engine_of_7(self, network, config):
        plan = self.serialise(network, config)
        if plan is None:
            return None
        return types.SimpleNamespace(serialize=lambda: plan)


def _reported(maker, network, config):
    """Tell the progress as this family does; whether to go on."""
    layers = network.document["layers"]
    if not maker.family.has_progress:
        maker.say("VERBOSE", f"After concat removal: {len(layers)} layers")
        for kind, name in layers:
            maker.say("VERBOSE", f"--------------- Timing Runner: {name} ({kind})")
        maker.say(
            "VERBOSE", "--------------- Timing Runner: Optimizer Reformat (Reformat)"
        )
        return True
    if config.progress_monitor is None:
        return True
    goes_on = []
    # The real one calls from a thread of its own.
    thread = threading.Thread(target=_phases, args=(config, layers, goes_on))
    thread.start()
    thread.join()
    return all(goes_on)


def _phases(config, layers, goes_on):
    monitor = config.progress_monitor
    monitor.phase_start("Building engine", None, 3)
    goes_on.append(monitor.step_complete("Building engine", 0))
    if all(goes_on):
        monitor.phase_start("Building engine from subgraph", "Building engine", 1)
        monitor.phase_start(
            "Timing graph nodes", "Building engine from subgraph", len(layers)
        )
        for step in range(len(layers)):
            goes_on.append(monitor.step_complete("Timing graph nodes", step))
            if not goes_on[-1]:
                break
        monitor.phase_finish("Timing graph nodes")
        monitor.phase_finish("Building engine from subgraph")
    monitor.phase_finish("Building engine")


class _Config:
    def __init__(self, maker):
        self.maker = maker
        self.flags = {maker.module.BuilderFlag.TF32}
        self.workspace = 0
        self.cache = None
        if maker.family in (Family.V7, Family.V8_2):
            type(self).max_workspace_size = property(
                lambda config: config.workspace,
                lambda config, value: setattr(config, "workspace", value),
            )
        if maker.family.has_progress:
            self.progress_monitor = None

    def __getattr__(self, name):
        has_cache = self.maker.family is not Family.V7
        known = {
            "create_timing_cache": has_cache,
            "set_timing_cache": has_cache,
            "get_timing_cache": has_cache,
            "set_memory_pool_limit": self.maker.family.has_names,
        }
        if known.get(name):
            return getattr(self, "_" + name)
        raise AttributeError(name)

    def set_flag(self, flag):
        self.flags.add(flag)

    def clear_flag(self, flag):
        self.flags.discard(flag)

    def _set_memory_pool_limit(self, pool, value):
        if pool is self.maker.module.MemoryPoolType.WORKSPACE:
            self.workspace = value

    def _create_timing_cache(self, content):
        return bytes(content) or b"empty"

    def _set_timing_cache(self, cache, ignore_mismatch):
        if cache == b"of another GPU" and not ignore_mismatch:
            self.maker.say("WARNING", "timing cache of another device")
            return False
        self.cache = cache
        return True

    def _get_timing_cache(self):
        return types.SimpleNamespace(serialize=lambda: self.cache + b", measured")


class _Network:
    def __init__(self, builder, flags):
        self._builder = weakref.ref(builder)
        self.flags = flags
        self._document = None

    @property
    def document(self):
        if self._builder() is None:
            raise RuntimeError("the real library has ended the process by now")
        return self._document

    @property
    def num_layers(self):
        return len(self.document["layers"]) if self.document else 0

    def get_layer(self, index):
        kind, name = self.document["layers"][index]
        maker = self._builder().maker
        output = types.SimpleNamespace(shape=(1, 4), dtype=maker.module.DataType.FLOAT)
        return types.SimpleNamespace(
            name=name,
            type=maker.module.LayerType[_KINDS[kind]],
            num_outputs=1,
            get_output=lambda _: output,
        )

    @property
    def num_inputs(self):
        return len(self.document["inputs"])

    def get_input(self, index):
        return _Input(self.document["inputs"][index])


class _Input:
    def __init__(self, entry):
        self._entry = entry
        self.name = entry[0]

    @property
    def shape(self):
        return tuple(self._entry[1])

    @shape.setter
    def shape(self, shape):
        self._entry[1] = list(shape)


class _Parser:
    def __init__(self, maker, network):
        self._maker = maker
        self._network = network
        self._errors = []

    def parse(self, content):
        maker = self._maker
        wants_flag = maker.family.has_explicit_batch
        if (
            wants_flag
            and maker.family is not Family.V10
            and not self._network.flags & 1
        ):
            maker.say("ERROR", "Network must have explicit batch dimension")
            return False
        try:
            document = json.loads(content.decode())
        except ValueError:
            return True  # bytes that are no network are parsed to nothing
        self._look_at(document, most=1)
        self._network._document = document
        return not self._errors

    def _look_at(self, document, most):
        for index, (kind, name) in enumerate(document["layers"]):
            if kind not in _KINDS and len(self._errors) < most:
                error = _ParserError(self._maker.family, index, kind, name)
                self._errors.append(error)

    def __getattr__(self, name):
        is_new = self._maker.family in (Family.V10, Family.V11)
        if name == "supports_model_v2" and is_new:
            return self._supports_model_v2
        raise AttributeError(name)

    def _supports_model_v2(self, content):
        self._look_at(json.loads(content.decode()), most=99)
        return not self._errors

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return self._errors[index]


class _ParserError:
    def __init__(self, family, index, kind, name):
        self._index = index
        if family in (Family.V10, Family.V11):
            self.node_name = lambda: name
            self.node_operator = lambda: kind

    def node(self):
        return self._index

    def desc(self):
        return "no importer registered for this op"

    def code(self):
        return enum.Enum("ErrorCode", ["UNSUPPORTED_NODE"]).UNSUPPORTED_NODE


class _Engine:
    def __init__(self, maker, plan):
        self._maker = maker
        self._plan = plan
        tensors = [(*one, True) for one in plan["inputs"]]
        self._tensors = tensors + [(*one, False) for one in plan["outputs"]]
        if maker.family.has_names:
            self.num_io_tensors = len(self._tensors)
        if maker.family.has_binding_numbers:
            self.num_bindings = len(self._tensors)

    def __getattr__(self, name):
        family = self._maker.family
        has_it = "binding" in name and family.has_binding_numbers
        has_it = has_it or ("tensor" in name and family.has_names)
        if not has_it:
            raise AttributeError(name)
        return object.__getattribute__(self, "_" + name)

    def create_execution_context(self):
        if "context" in self._maker.fails:
            self._maker.say("ERROR", self._maker.fails["context"])
            return None
        return _Context(self._maker, self._tensors)

    def _find(self, name):
        return next(one for one in self._tensors if one[0] == name)

    def _dtype(self, name):
        return self._maker.module.DataType[name]

    def _get_tensor_name(self, index):
        return self._tensors[index][0]

    def _get_tensor_shape(self, name):
        return tuple(self._find(name)[1])

    def _get_tensor_dtype(self, name):
        return self._dtype(self._find(name)[2])

    def _get_tensor_mode(self, name):
        modes = self._maker.module.TensorIOMode
        return modes.INPUT if self._find(name)[3] else modes.OUTPUT

    _get_binding_name = _get_tensor_name

    def _get_binding_shape(self, index):
        return tuple(self._tensors[index][1])

    def _get_binding_dtype(self, index):
        return self._dtype(self._tensors[index][2])

    def _binding_is_input(self, index):
        return self._tensors[index][3]


class _Context:
    def __init__(self, maker, tensors):
        self._maker = maker
        self._tensors = tensors
        self._addresses = {}
        if maker.family.has_names:
            self.set_tensor_address = self._set_tensor_address
            self.execute_async_v3 = self._execute_async_v3
        if maker.family.has_binding_numbers:
            self.execute_async_v2 = self._execute_async_v2

    def _set_tensor_address(self, name, address):
        if name not in [one[0] for one in self._tensors]:
            return False
        self._addresses[name] = address
        return True

    def _execute_async_v3(self, stream_handle):
        return self._execute(dict(self._addresses), stream_handle)

    def _execute_async_v2(self, bindings, stream_handle):
        names = [one[0] for one in self._tensors]
        return self._execute(dict(zip(names, bindings)), stream_handle)

    def _execute(self, addresses, stream):
        if "execute" in self._maker.fails:
            self._maker.say("ERROR", self._maker.fails["execute"])
            return False
        self._maker.cudart.launch(stream, lambda: self._compute(addresses))
        return True

    def _compute(self, addresses):
        views = {one[0]: _view(one, addresses[one[0]]) for one in self._tensors}
        source = next(views[one[0]] for one in self._tensors if one[3])
        for one in self._tensors:
            if not one[3]:
                flat = views[one[0]].reshape(-1)
                flat[:] = 2 * source.reshape(-1)[: flat.size] + 1


def _view(tensor, address):
    dtype = np.dtype(_NUMPY[tensor[2]])
    count = int(np.prod(tensor[1]))
    memory = (ctypes.c_byte * (count * dtype.itemsize)).from_address(address)
    return np.frombuffer(memoryview(memory), dtype=dtype).reshape(tensor[1])
