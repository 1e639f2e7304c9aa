from .converter import SnapdragonConverter as SnapdragonConverter
