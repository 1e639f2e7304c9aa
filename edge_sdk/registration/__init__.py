"""Registration: how frames of a burst lie on each other."""

from edge_sdk.registration.motion import EuclideanMotion, motion_error_px, transform
from edge_sdk.registration.register import Registration, RegistrationConfig, register

__all__ = [
    "EuclideanMotion",
    "Registration",
    "RegistrationConfig",
    "motion_error_px",
    "register",
    "transform",
]
