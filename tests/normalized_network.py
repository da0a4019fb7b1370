"""A network whose input was normalized, images for it in every format, and the right answers."""

from __future__ import annotations

import numpy as np

import oracle_onnxruntime
from input_files import write_idx, write_picture
from quantized_models import Writer

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OPTIONS = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225")
COUNT = 12
PICTURES = np.random.default_rng(3).integers(0, 256, (COUNT, 3, 32, 32), np.uint8)


def network(scale=4.76 / 255, zero_point=114, shape=(3, 32, 32)):
    """Ten classes from normalized values; by default of -2.13 to 2.63."""
    random = np.random.default_rng(0)
    writer = Writer("qdq")
    source = writer.quantize("x", np.float32(scale), np.uint8(zero_point))
    flat = writer.moving("Flatten", source)
    hidden = dense(writer, flat, random.integers(-127, 128, (24, int(np.prod(shape)))), 1.2)
    scores = dense(writer, hidden, random.integers(-127, 128, (10, 24)), 4.0)
    return writer.model(["n", *shape], writer.dequantize(scores))


def dense(writer, source, weights, scale):
    return writer.weighted(
        "Gemm",
        source,
        weights.astype(np.int8),
        np.asarray(0.01, np.float32),
        np.asarray(0, np.int8),
        np.zeros(len(weights), np.int32),
        (np.float32(scale), np.uint8(128)),
    )


def by_hand(pictures=PICTURES):
    """As training scripts normalize: float32 throughout, channels along axis 1."""
    along = (1, 3, 1, 1)
    mean, std = (np.array(each, np.float32).reshape(along) for each in (MEAN, STD))
    return (pictures.astype(np.float32) / np.float32(255) - mean) / std


def right_values(model, pictures=PICTURES):
    """onnxruntime's, of images that were normalized by hand."""
    return oracle_onnxruntime.run(model, by_hand(pictures))


def written(folder, kind, labels):
    """Images as a file or folder of a kind, labels beside them; and options that it needs."""
    y = folder / "y.npy"
    np.save(y, labels)
    path, options = folder / f"x.{kind}", ("--labels", y)
    if kind == "npy":
        np.save(path, PICTURES)
    elif kind == "float npy":
        path = folder / "float.npy"
        np.save(path, PICTURES.astype(np.float32) / np.float32(255))
    elif kind == "float npy of 0 to 255":
        path, options = folder / "large.npy", (*options, "--scale", 255)
        np.save(path, PICTURES.astype(np.float32))
    elif kind == "npz":
        np.savez(path, x=PICTURES.transpose(0, 2, 3, 1), y=labels)
        options = ()
    elif kind == "idx":
        path = write_idx(folder / "t10k-images-idx4-ubyte.gz", PICTURES)
    elif kind == "cifar":
        path, options = folder / "test_batch.bin", ()
        pairs = zip(labels, PICTURES, strict=True)
        path.write_bytes(b"".join(bytes([label]) + each.tobytes() for label, each in pairs))
    else:
        path, table = folder / "images", folder / "labels.csv"
        for number, picture in enumerate(PICTURES):
            write_picture(path / f"{number}.png", picture.transpose(1, 2, 0))
        rows = (f"{number}.png,{label}\n" for number, label in enumerate(labels))
        table.write_text("file,label\n" + "".join(rows))
        options = ("--labels", table)
    return path, options
