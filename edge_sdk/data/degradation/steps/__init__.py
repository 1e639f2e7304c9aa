"""The steps, one a file: two blurs, fewer pixels, three noises, JPEG.

Reading order: ``gaussian_blur``, ``motion_blur``, ``downsample`` (there and back),
``gaussian_noise``, ``poisson_noise``, ``salt_and_pepper``, ``jpeg``. A new step is a new file.
"""
