// Any bytes as a model file: an error value, or a decoder or encoder that computes three tokens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/thread_team.h"
#include "formats/gguf.h"
#include "models/encoder.h"
#include "models/kv_storage.h"
#include "models/registry.h"
#include "tests/memory_file.h"

namespace {

using namespace dure::models;  // NOLINT(google-build-using-namespace): one file, one room

void Compute(Model* model) {
  auto kv = KvStorage::Create(model->config(), 1);
  if (!kv) return;
  const std::vector<int32_t> blocks = {0};
  const SequenceView view = {blocks};
  const std::vector<StepRow> rows = {{0, 0, 0}, {0, 1, 0}, {0, 2, 0}};
  const std::vector<int32_t> wanted = {2};
  std::vector<float> logits(model->config().vocab_size);
  if (!model->Forward({rows, {&view, 1}, wanted}, **kv, logits)) abort();
}

void Compute(Encoder* encoder) {
  std::vector<float> vector(encoder->config().width);
  const std::vector<std::vector<int32_t>> texts = {{0}};
  (void)encoder->Encode(texts, vector);  // weights that are not finite are an error
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dure::ThreadTeam team(1);
  const dure::MemoryFile bytes(data, size);
  const auto file = dure::formats::GgufFile::Open(bytes.path());
  if (!file) return 0;
  LoadOptions options;
  options.team = &team;
  if (IsEncoder(**file)) {
    auto encoder = LoadEncoder(**file, options);
    if (encoder) Compute(encoder->get());
    if (!encoder && encoder.error().message.empty()) abort();
    return 0;
  }
  auto model = LoadModel(**file, options);
  if (model) Compute(model->get());
  if (!model && model.error().message.empty()) abort();
  return 0;
}
