from .coreai.converter import CoreAIConverter as CoreAIConverter
from .coreml import CoreMLConverter as CoreMLConverter
from .executorch.coreml import ExecuTorchCoreMLConverter as ExecuTorchCoreMLConverter
from .executorch.vendor import MediaTekConverter as MediaTekConverter
from .executorch.vendor import QNNConverter as QNNConverter
from .executorch.vulkan import ExecuTorchVulkanConverter as ExecuTorchVulkanConverter
from .executorch.xnnpack import ExecuTorchConverter as ExecuTorchConverter
from .tflite.converter import TFLiteConverter as TFLiteConverter
