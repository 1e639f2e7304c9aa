"""Bursts in a camera's folder: which pictures were taken one after another of one scene.

Reading order: ``found`` (what comes out), ``capture_time`` (when a picture was taken, and how that
is known), ``likeness`` (do two show the same scene?), ``finding`` (a folder becomes bursts),
``placing`` (a folder for each).
"""
