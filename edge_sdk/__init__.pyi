from .errors import EdgeSdkError as EdgeSdkError
from .version import __version__ as __version__
