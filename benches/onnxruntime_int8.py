"""onnxruntime's int8 kernels on the same graph, samples and threads."""

from __future__ import annotations

import numpy as np
import onnxruntime
from figures import Work
from numpy.typing import NDArray


def runner(model: bytes, samples: NDArray[np.float32], threads: int) -> Work:
    """Runs all samples, as one batch where the model takes batches."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    size = taken.shape[0] if isinstance(taken.shape[0], int) else len(samples)
    batches = [samples[start : start + size] for start in range(0, len(samples), size)]

    def run() -> None:
        for batch in batches:
            session.run(None, {taken.name: batch})

    return run
