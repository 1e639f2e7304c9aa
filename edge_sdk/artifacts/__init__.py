"""Files of other runtimes: what they hold, whether they are whole, int8 codes as they store them."""
