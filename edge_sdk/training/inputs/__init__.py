"""What a run trains on: loaders, and features computed once.

Reading order: ``loaders`` (batches in order), ``picture_samples``, ``burst_scenes`` and
``burst_store`` (simulated bursts), ``pair_store`` (real ones), ``feature_files`` (computed once).
"""
