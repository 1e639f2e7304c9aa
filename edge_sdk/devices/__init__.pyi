from .profile import DeviceProfile as DeviceProfile
from .profile import find_profile as find_profile
from .profile import profile_names as profile_names
