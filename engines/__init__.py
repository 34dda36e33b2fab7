"""Runs and converts the network: arrays in, arrays out.

Everything here but `engines.training` is plain Python 3.6 with numpy, because a
Jetson TX2 has no newer Python that TensorFlow and TensorRT are bound to. Heavy
libraries are imported inside the function that needs them.
"""
