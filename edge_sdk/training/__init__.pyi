from .recipe.config import TrainConfig as TrainConfig
from .recipe.file import load_train_config as load_train_config
from .recipe.tasks import TASKS as TASKS
from .recipe.tasks import TrainingTask as TrainingTask
from .run.from_recipe import train as train
from .run.initial import InitialWeights as InitialWeights
from .run.result import TrainResult as TrainResult
