"""Files of other runtimes: what they hold, whether they are whole, and their int8 codes."""
