"""Scores one MOT Challenge folder against another with TrackEval; prints JSON.

Run by the interpreter of `.venv-tracking`, which has TrackEval:

    score_mot.py TRUTH TRACKERS SEQUENCE LENGTH
"""

import json
import sys

import numpy as np
import trackeval

truth, trackers, sequence, length = sys.argv[1:]
dataset = trackeval.datasets.MotChallenge2DBox(
    {
        "GT_FOLDER": truth,
        "TRACKERS_FOLDER": trackers,
        "SKIP_SPLIT_FOL": True,
        "SEQ_INFO": {sequence: int(length)},
        "PRINT_CONFIG": False,
        "DO_PREPROC": False,
    }
)
metrics = [trackeval.metrics.CLEAR({"PRINT_CONFIG": False}), trackeval.metrics.HOTA()]
options = {"PRINT_CONFIG": False, "PRINT_RESULTS": False, "TIME_PROGRESS": False}
options |= {"OUTPUT_SUMMARY": False, "OUTPUT_DETAILED": False, "PLOT_CURVES": False}
evaluator = trackeval.Evaluator({**options, "LOG_ON_ERROR": None})
found, _ = evaluator.evaluate([dataset], metrics)
scores = found["MotChallenge2DBox"]["ours"][sequence]["pedestrian"]
sys.stdout.write(
    json.dumps(
        {
            "MOTA": float(scores["CLEAR"]["MOTA"]),
            "IDSW": int(scores["CLEAR"]["IDSW"]),
            "HOTA": float(np.mean(scores["HOTA"]["HOTA"])),
            "boxes": int(scores["CLEAR"]["CLR_TP"]),
        }
    )
)
