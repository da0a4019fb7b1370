"""Fuzz: damaged files of every format that is read, given to what a user does with such a file.

    python -m fuzz --minutes 5 --seed 1         from the folder `tests`; `make fuzz MINUTES=5`

Whatever a file holds, it is accepted or refused with a `NeurochipError`. Any other exception, more
than 1 GB of memory, more than 10 s or the end of the process is a finding. An input is told by
seed, format and number, and made again from them.

    limits.py      numbers and words at and beyond the limits of fields
    byte_level.py  mutations of bytes, whatever they hold
    trees.py       mutations of JSON and TOML documents
    arrays.py      npy, npz and idx: headers, members, lengths
    pictures.py    PNG and JPEG: chunks and segments, checksums repaired
    tables.py      text files: labels, journals, settings, chips
    images.py      image files: description and host part, checksum repaired
    networks.py    small ONNX models to begin with
    models.py      mutations of parsed ONNX models
    targets.py     what a user does with a file
    formats.py     the formats: where inputs come from, and where they go
    runner.py      inputs in child processes, and what became of them
"""
