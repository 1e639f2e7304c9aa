"""Pictures to try models on: probes, calibration, examples that dependencies ship."""
