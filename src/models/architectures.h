// One loader per architecture file; registry.cc lists them.
#pragma once

#include <memory>

#include "models/registry.h"

namespace dure::models {

Result<std::unique_ptr<Model>> LoadLlama(const formats::GgufFile& file, const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadMistral3(const formats::GgufFile& file,
                                            const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadQwen2(const formats::GgufFile& file, const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadQwen3(const formats::GgufFile& file, const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadQwen3Moe(const formats::GgufFile& file,
                                            const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadGemma2(const formats::GgufFile& file,
                                          const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadGemma3(const formats::GgufFile& file,
                                          const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadPhi3(const formats::GgufFile& file, const LoadOptions& options);
Result<std::unique_ptr<Model>> LoadGptOss(const formats::GgufFile& file,
                                          const LoadOptions& options);

}  // namespace dure::models
