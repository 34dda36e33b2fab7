"""Sources that GStreamer reads: CSI cameras, hardware decoders, any pipeline."""
