"""A discriminator that judges pictures, and the losses between it and what makes them."""
