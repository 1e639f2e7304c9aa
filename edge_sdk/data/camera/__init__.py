"""The simulated camera: scenes, hands, lenses, sensors, and developing."""
