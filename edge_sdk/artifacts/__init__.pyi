from .codes.layers import Code as Code
from .codes.layers import StoredCodes as StoredCodes
from .codes.layers import StoredLayer as StoredLayer
from .codes.reading import read_codes as read_codes
from .pte import PteFile as PteFile
from .pte import read_pte as read_pte
from .seal import check_artifact as check_artifact
