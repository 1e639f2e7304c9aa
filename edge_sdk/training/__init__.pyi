from .recipe.config import TrainConfig as TrainConfig
from .recipe.file import load_train_config as load_train_config
