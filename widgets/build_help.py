"""What every parameter of a build is for, and what a larger value does."""

FORM = {
    "model": "The network as trained: SavedModel, frozen .pb, Keras, checkpoint with"
    " its .meta file, ONNX, or a model folder. It stays as it is.",
    "input_name": "What takes the picture, with its type and shape. A network with one"
    " input needs no choice.",
    "output_name": "What gives the mask. A network with one output needs no choice.",
    "colour": "What one frame is to the network: a graph tells only its channels, and"
    " those of three grey frames and of one in colour look the same.",
    "pixels": "Range that the network was trained on. In a wrong one it sees nothing.",
    "activation": "What the numbers of its output mean.",
    "target": "What runs the engine: it is built for that library and this machine.",
    "precision": "Number format of the arithmetic. Fewer bits are faster and less"
    " exact; the report says how much less, and the trial on the live picture again.",
    "clip": "Video that the engine is compared on, and int8 takes its ranges from: the"
    " more like your camera's, the better. Empty takes the bundled clip.",
    "input_size": "Width and height in pixels, for a network that leaves them open."
    " Larger finds smaller objects, and takes longer in proportion to the area.",
    "pads": "For TensorRT's parsers, which stop at pads before skips: where odd sizes"
    " make pads. The result is equal, and a little slower elsewhere.",
    "name": "Of the engine in the list.",
}
NVIDIA = {
    "workspace": "Memory that TensorRT may use while the engine runs. Larger admits"
    " faster kernels, and takes memory that a Jetson shares with everything else.",
    "calibration": "Frames that int8 finds its ranges on. More give ranges that fit"
    " more pictures, and take longer.",
    "segment": "Fewest operations that become an engine of TF-TRT. Larger makes fewer"
    " engines, and leaves more to TensorFlow.",
    "search": "Try several workspaces and segment sizes, and keep the fastest: takes"
    " several times as long.",
}
