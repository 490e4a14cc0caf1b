"""A procedural chest radiograph with exact truth.

Attenuation is summed structure by structure in the patient's frame, then turned into an image by exposure, scatter,
noise and display processing. The image's left is the patient's right.
"""
