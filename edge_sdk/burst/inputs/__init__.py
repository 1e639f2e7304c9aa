"""Bursts as the inputs of networks: features, calibration, frames on one grid."""
