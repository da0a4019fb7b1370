"""The formats: the valid files to begin with, how they are damaged, and who is given them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx

import neurochip as nc
from neurochip import _core

from . import arrays, byte_level, images, models, networks, pictures, tables, targets
from .limits import Random, source

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Case:
    """An input: some files, and which of them a user names; empty for their folder."""

    files: Mapping[str, bytes]
    main: str

    def write(self, folder: Path) -> Path:
        """Writes the files; returns what a user names."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder / self.main


@dataclass(frozen=True)
class Format:
    """One kind of file."""

    name: str
    corpus: Callable[[], Sequence[Case]]
    mutate: Callable[[Random, Case], Case]
    use: Callable[[Path], None]
    header: tuple[str, ...]
    """Words of the messages that refuse a file before anything in it was looked at."""

    def case(self, seed: int, number: int) -> Case:
        """The input of a number; the first ones are the corpus, unchanged."""
        corpus = _corpus(self.corpus)
        if number < len(corpus):
            return corpus[number]
        random = source(seed, self.name, number)
        return self.mutate(random, random.choice(corpus))


@cache
def _corpus(build: Callable[[], Sequence[Case]]) -> Sequence[Case]:
    return build()


def _each(mutate: Callable[[Random, bytes], bytes]) -> Callable[[Random, Case], Case]:
    """Damages one of the files: mostly the one that a user names."""

    def damaged(random: Random, case: Case) -> Case:
        name = case.main if case.main and random.randrange(8) else random.choice([*case.files])
        return Case({**case.files, name: mutate(random, case.files[name])}, case.main)

    return damaged


def _single(name: str, *contents: bytes) -> list[Case]:
    return [Case({name: content}, name) for content in contents]


def _digits() -> dict[str, np.ndarray]:
    with np.load(EXAMPLES / "digits.npz") as file:
        return {name: file[name][:4] for name in ("x", "y")}


def _npy() -> list[Case]:
    x = _digits()["x"]
    real = (x / 255).astype(np.float32)
    kept = [x, real, real[:, None], np.asfortranarray(real), real.astype(">f8"), x[0]]
    return _single("x.npy", *(arrays.npy(each) for each in kept))


def _npz() -> list[Case]:
    digits = _digits()
    more = {"x_test": digits["x"], "y_test": digits["y"], "x_train": digits["x"][:, :, :, None]}
    return _single("x.npz", arrays.npz(digits), arrays.npz(more))


def _idx_files() -> dict[str, bytes]:
    digits = _digits()
    return {
        "t10k-images-idx3-ubyte": arrays.idx(digits["x"]),
        "t10k-labels-idx1-ubyte": arrays.idx(digits["y"].astype(np.uint8)),
        "train-images-idx3-ubyte": arrays.idx(digits["x"][:2]),
    }


def _idx() -> list[Case]:
    real = arrays.idx((_digits()["x"] / 255).astype(np.float32))
    return [Case(_idx_files(), "t10k-images-idx3-ubyte"), *_single("x-idx3-float", real)]


def _packed_idx() -> list[Case]:
    files = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in _idx_files().items()}
    return [Case(files, "t10k-images-idx3-ubyte.gz")]


def _cifar() -> list[Case]:
    record = bytes([3]) + bytes(range(256)) * 12
    files = {"test_batch.bin": record * 2, "data_batch_1.bin": record, "data_batch_2.bin": record}
    return [Case(files, ""), *_single("test_batch.bin", record * 2)]


def _mutated_cifar(random: Random, data: bytes) -> bytes:
    changed = byte_level.mutated(random, data)
    return changed if random.randrange(2) else changed[: len(changed) // 3073 * 3073]


def _labels() -> list[Case]:
    digits = _digits()
    samples = {"samples.npy": arrays.npy(digits["x"])}
    labels = {
        "labels.txt": b"1\n2\n3\n4\n",
        "few.txt": b"0 0 7 9",
        "labels.npy": arrays.npy(digits["y"][:, None].astype(np.uint64)),
        "labels.npz": arrays.npz({"y": digits["y"]}),
        "labels-idx1": arrays.idx(digits["y"].astype(np.int32)),
    }
    return [Case({**samples, name: data}, name) for name, data in labels.items()]


def _mutated_labels(random: Random, case: Case) -> Case:
    mutators = {".npy": arrays.mutated_npy, ".npz": arrays.mutated_npz, "": arrays.mutated_idx}
    mutate = mutators.get(Path(case.main).suffix, tables.mutated_labels)
    return Case({**case.files, case.main: mutate(random, case.files[case.main])}, case.main)


def _png() -> list[Case]:
    single = [pictures.picture(mode, "PNG") for mode in ("L", "RGB", "P", "1", "RGBA")]
    folder = {"0/a.png": single[0], "1/b.png": single[0]}
    return [*_single("x.png", *single), Case(folder, "")]


def _jpeg() -> list[Case]:
    return _single("x.jpg", *(pictures.picture(mode, "JPEG") for mode in ("L", "RGB")))


def _packets() -> list[Case]:
    columns = {
        "created": np.array([0, 3, 3, 9, 40], np.int64),
        "source": np.array([0, 1, 2, 3, 0], np.int32),
        "destination": np.array([3, 2, 2, 0, 1], np.uint8),
    }
    recorded = {"injected": columns["created"] + 1, "arrived": columns["created"] + 9}
    table = np.stack([columns[name].astype(np.int64) for name in columns], axis=1)
    whole = {"packets": table, "columns": np.array([*columns])}
    kept = ({**columns, **recorded}, columns, whole)
    return _single("packets.npz", *(arrays.npz(each) for each in kept))


def _journal() -> list[Case]:
    lines = [
        {"format": "neurochip tune 1", "search": "the search"},
        {"key": "default rot 0", "correct": 97, "samples": 100, "spikes": 1234.5},
        {"key": "first rot 1", "correct": 96, "samples": 100, "spikes": 1000, "layers": {"a": [1]}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return _single("x.journal", text.encode(), text[:-20].encode())


def _settings() -> list[Case]:
    small = '[default]\nrot = 1\n\n[layers."first"]\ndrlo = 4\nheadroom = 1.5\n'
    words = '[default]\nintegration = "scaled"\ns1 = "largest"\nbias = "auto"\n[layers]\n'
    return _single("settings.toml", small.encode(), words.encode())


def _chip() -> list[Case]:
    texts = dict(_core.built_in_chips())
    order = ("tiny", "tiny", "ideal", "darwin3", *texts)  # smaller files are read faster
    return _single("chip.toml", *(texts[name].encode() for name in order))


def _image() -> list[Case]:
    made = networks.networks()
    compiled = [nc.compile(nc.load_graph(made[n]), chip) for n, chip in ((1, "tiny"), (5, "ideal"))]
    compiled.append(nc.compile(nc.load_graph(made[0]), "ideal", "quartz", t_max=16))
    compiled.append(nc.compile(EXAMPLES / "digits_cnn.onnx", "ideal", "rate"))
    compiled.append(nc.compile(nc.load_graph(made[3]), "darwin3"))
    return _single("x.image", *(image.to_bytes() for image in compiled))


def _onnx() -> list[Case]:
    made = [*networks.networks(), onnx.load(EXAMPLES / "digits_cnn.onnx")]
    cases = _single("x.onnx", *(model.SerializeToString() for model in made))
    for model in made[:2]:
        moved, data = networks.with_external_data(model, "w.bin")
        cases.append(Case({"x.onnx": moved.SerializeToString(), "w.bin": data}, "x.onnx"))
    return cases


def _mutated_onnx(random: Random, case: Case) -> Case:
    if len(case.files) > 1 and random.randrange(12) == 0:
        data = byte_level.mutated(random, case.files["w.bin"])
        return Case({**case.files, "w.bin": data}, case.main)
    model = onnx.ModelProto()
    model.ParseFromString(case.files[case.main])
    changed = models.mutated_model(random, model)
    if random.randrange(5) == 0:
        return Case({**case.files, case.main: models.damaged_bytes(random, changed)}, case.main)
    return Case({**case.files, case.main: changed.SerializeToString()}, case.main)


NO_NUMPY = ("it starts with", "is not a zip file", "Git LFS")

FORMATS = {
    each.name: each
    for each in (
        Format("onnx", _onnx, _mutated_onnx, targets.run_model, ("is not an ONNX model",)),
        Format("npy", _npy, _each(arrays.mutated_npy), targets.read_samples, NO_NUMPY),
        Format("npz", _npz, _each(arrays.mutated_npz), targets.read_scaled_samples, NO_NUMPY),
        Format(
            "idx",
            _idx,
            _each(arrays.mutated_idx),
            targets.read_scaled_samples,
            ("not an idx file",),
        ),
        Format(
            "idx.gz",
            _packed_idx,
            _each(arrays.mutated_gzip),
            targets.read_scaled_samples,
            ("not an idx file", "Not a gzipped file"),
        ),
        Format(
            "cifar",
            _cifar,
            _each(_mutated_cifar),
            targets.read_batches,
            ("expected a multiple of",),
        ),
        Format(
            "labels",
            _labels,
            _mutated_labels,
            targets.read_labels,
            ("can't decode", "cannot read labels from", "not an idx file", *NO_NUMPY),
        ),
        Format(
            "png",
            _png,
            _each(pictures.mutated_png),
            targets.read_samples,
            ("cannot identify image file", "it is neither PNG nor JPEG"),
        ),
        Format(
            "jpeg",
            _jpeg,
            _each(pictures.mutated_jpeg),
            targets.read_samples,
            ("cannot identify image file", "it is neither PNG nor JPEG"),
        ),
        Format("packets", _packets, _each(arrays.mutated_npz), targets.send_packets, NO_NUMPY),
        Format(
            "journal",
            _journal,
            _each(tables.mutated_journal),
            targets.keep_journal,
            ("is no journal of a search",),
        ),
        Format(
            "settings",
            _settings,
            _each(tables.mutated_toml),
            targets.read_settings,
            ("(at line", "are no text", "nested too deeply"),
        ),
        Format(
            "chip",
            _chip,
            _each(tables.mutated_toml),
            targets.use_chip,
            ("TOML parse error", "can't decode"),
        ),
        Format(
            "image",
            _image,
            _each(images.mutated_image),
            targets.run_image,
            ("not a neurochip image", "its header says", "image format version", "was altered"),
        ),
    )
}
