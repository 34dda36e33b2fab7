"""The converters' signatures in the public releases of TensorFlow named here."""

import collections
import types


class ConverterOf1_15:  # noqa: N801  a version
    def __init__(
        self,
        input_saved_model_dir=None,
        input_saved_model_tags=None,
        input_saved_model_signature_key=None,
        input_graph_def=None,
        nodes_blacklist=None,
        session_config=None,
        max_batch_size=1,
        max_workspace_size_bytes=1 << 30,
        precision_mode="FP32",
        minimum_segment_size=3,
        is_dynamic_op=False,
        maximum_cached_engines=1,
        use_calibration=True,
    ):
        pass


class ConverterOf2_7:  # noqa: N801  a version
    def __init__(
        self,
        input_saved_model_dir=None,
        input_saved_model_tags=None,
        input_saved_model_signature_key=None,
        input_graph_def=None,
        nodes_denylist=None,
        max_batch_size=1,
        max_workspace_size_bytes=1 << 30,
        precision_mode="FP32",
        minimum_segment_size=3,
        is_dynamic_op=False,
        maximum_cached_engines=1,
        use_calibration=True,
    ):
        pass


def _module(converter, fields):
    params = collections.namedtuple("TrtConversionParams", fields)
    return types.SimpleNamespace(
        TrtGraphConverterV2=converter,
        DEFAULT_TRT_CONVERSION_PARAMS=params(*[None] * len(fields)),
    )


_COMMON = (
    "max_workspace_size_bytes",
    "precision_mode",
    "minimum_segment_size",
    "maximum_cached_engines",
    "use_calibration",
)


def tensorflow_2_4():
    class V2:
        def __init__(
            self,
            input_saved_model_dir=None,
            input_saved_model_tags=None,
            input_saved_model_signature_key=None,
            conversion_params=None,
        ):
            pass

    more = ("rewriter_config_template", "is_dynamic_op", "max_batch_size")
    return _module(V2, (*_COMMON, *more, "allow_build_at_runtime"))


def tensorflow_2_7():
    class V2:
        def __init__(
            self,
            input_saved_model_dir=None,
            input_saved_model_tags=None,
            input_saved_model_signature_key=None,
            conversion_params=None,
            use_dynamic_shape=None,
            dynamic_shape_profile_strategy=None,
        ):
            pass

    return _module(V2, (*_COMMON, "allow_build_at_runtime"))


def tensorflow_2_12():
    class V2:
        def __init__(
            self,
            input_saved_model_dir=None,
            input_saved_model_tags=None,
            input_saved_model_signature_key=None,
            use_dynamic_shape=None,
            dynamic_shape_profile_strategy=None,
            max_workspace_size_bytes=1 << 30,
            precision_mode="FP32",
            minimum_segment_size=3,
            maximum_cached_engines=1,
            use_calibration=True,
            allow_build_at_runtime=True,
            conversion_params=None,
        ):
            pass

    return _module(V2, (*_COMMON, "allow_build_at_runtime"))
