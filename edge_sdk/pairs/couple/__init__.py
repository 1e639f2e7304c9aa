"""One scene's far and near shots as one sample."""
