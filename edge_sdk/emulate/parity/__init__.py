"""How near a converted file is to the model that it was made from."""
