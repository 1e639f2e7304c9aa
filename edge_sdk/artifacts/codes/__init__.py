"""Int8 codes as a converted file stores them."""
