// ExecuTorch on the emulated core: the program that runs .pte files there.
//
// Over its standard input come the tensors of a run one after the other, as the file stores them;
// over its standard output go those that the file gives, each behind its length in 8 bytes, the
// lowest first. It ends with its input.

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <cstdint>
#include <cstdio>
#include <vector>

using executorch::extension::Module;
using executorch::extension::TensorPtr;
using executorch::runtime::EValue;

namespace {

int fail(const char* what, int code) {
  fprintf(stderr, "%s (error %d)\n", what, code);
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return fail("one file, please", count);
  Module module(arguments[1]);
  const auto method = module.method_meta("forward");
  if (!method.ok()) return fail("cannot load the file", int(method.error()));
  for (;;) {
    std::vector<std::vector<uint8_t>> held;
    std::vector<TensorPtr> tensors;
    std::vector<EValue> inputs;
    for (size_t index = 0; index < method->num_inputs(); ++index) {
      const auto tensor = method->input_tensor_meta(index);
      held.emplace_back(tensor->nbytes());
      auto& content = held.back();
      if (fread(content.data(), 1, content.size(), stdin) != content.size()) return 0;
      const std::vector<executorch::aten::SizesType> sizes(
          tensor->sizes().begin(), tensor->sizes().end());
      tensors.push_back(
          executorch::extension::from_blob(content.data(), sizes, tensor->scalar_type()));
      inputs.emplace_back(tensors.back());
    }
    const auto results = module.forward(inputs);
    if (!results.ok()) return fail("cannot run the file", int(results.error()));
    for (const auto& result : *results) {
      const auto tensor = result.toTensor();
      const uint64_t length = tensor.nbytes();
      fwrite(&length, sizeof length, 1, stdout);
      fwrite(tensor.const_data_ptr(), 1, length, stdout);
    }
    fflush(stdout);
  }
}
