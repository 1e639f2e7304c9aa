from .page import Section as Section
from .page import write_page as write_page
