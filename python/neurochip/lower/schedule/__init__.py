"""The schedule: in which timesteps each population sends.

A population sends once it has received all its sources; a streaming one (max pooling) one timestep
after its source. A timestep has one coefficient, so two sources of one neuron must send the same
step or not meet at all: of two that would meet otherwise one waits.
"""
