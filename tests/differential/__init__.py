"""Random quantized graphs of every accepted operator, held against onnxruntime.

`python -m differential --graphs 2000 --seed 1` from the folder `tests`, or `make differential`.
"""
