"""Registration: how frames of a burst lie on each other."""

from edge_sdk.registration.config import RegistrationConfig
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.models import MODELS, MotionModel
from edge_sdk.registration.motion import EuclideanMotion, motion_error_px, transform
from edge_sdk.registration.registrar import Registrar, Registration, register

__all__ = [
    "MODELS",
    "EuclideanMotion",
    "MotionField",
    "MotionModel",
    "Registrar",
    "Registration",
    "RegistrationConfig",
    "motion_error_px",
    "register",
    "transform",
]
