// The models whose logits tests/data/logits holds, as another program computed them. Every shape is
// written with portable arithmetic, so that this test and tests/models/oracle/ see the same bytes.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/models/tiny_model.h"

namespace dure::models::testing {

/// Float32 weights. Both programs compute in float32; what differs is that Dure keeps keys and
/// values as float16 (a relative error of 2^-11, some 5e-4, in each), and llama.cpp takes gelu from
/// a float16 table. Averaged over positions and dimensions that leaves less than a thousandth.
inline constexpr float kExactBound = 1e-3f;
/// Quantised weights. Both round activations to 8 bits for every 32 values, but llama.cpp keeps the
/// scale of those as float16.
inline constexpr float kQuantizedBound = 1e-2f;

struct TinyCase {
  std::string name;
  TinyShape shape;
  int prompt = 100;  // tokens
  // How far logits may be off, as a part of their spread (logits_test.cc says why).
  float bound = kExactBound;
  // The same model without what the case is about: its logits must be far off.
  std::function<void(TinyShape*)> without;

  friend void PrintTo(const TinyCase& c, std::ostream* out) { *out << c.name; }
};

/// Matrices in float32, so that what differs is the architecture and not the quantisation.
inline TinyShape EvenShape(const std::string& architecture) {
  TinyShape shape;
  shape.architecture = architecture;
  shape.type = numerics::BlockType::kF32;
  shape.embedding_type = numerics::BlockType::kF32;
  shape.expert_type = numerics::BlockType::kF32;
  shape.width = 64;
  shape.head_dim = 32;
  shape.ff_width = 96;
  shape.even = true;
  shape.window = 24;
  shape.attention_cap = 0;
  shape.logit_cap = 0;
  // The format gives these no head dimension of their own.
  if (architecture == "phi3" || architecture == "qwen2") shape.width = 128;
  return shape;
}

inline std::vector<TinyCase> DenseCases() {
  std::vector<TinyCase> cases;
  const auto add = [&](const char* name, const char* architecture,
                       const std::function<void(TinyShape*)>& with, int prompt,
                       std::function<void(TinyShape*)> without) {
    TinyShape shape = EvenShape(architecture);
    if (with) with(&shape);
    cases.push_back({name, shape, prompt, kExactBound, std::move(without)});
  };
  add("llama", "llama", nullptr, 100, nullptr);
  add("qwen2", "qwen2", [](TinyShape* s) { s->tied = false; }, 100, nullptr);
  add("qwen3", "qwen3", nullptr, 100, nullptr);
  add(
      "mistral3", "mistral3",
      [](TinyShape* s) {
        s->rope_type = "yarn";
        s->rope_factor = 4;
        s->original_context = 32;
        s->log_multiplier = 1;
        s->temperature = 0.5f;
      },
      120, [](TinyShape* s) { s->temperature = 0; });
  add(
      "gemma2", "gemma2",
      [](TinyShape* s) {
        s->attention_cap = 0.5f;
        s->logit_cap = 2;
      },
      100, [](TinyShape* s) { s->window = 200; });
  add(
      "gemma2_cap", "gemma2",
      [](TinyShape* s) {
        s->attention_cap = 0.25f;
        s->logit_cap = 30;
      },
      60, [](TinyShape* s) { s->attention_cap = 50; });
  add(
      "gemma3", "gemma3", [](TinyShape* s) { s->layers = 7; }, 100,
      [](TinyShape* s) { s->window = 200; });
  add(
      "phi3", "phi3", [](TinyShape* s) { s->rotated_dim = 24; }, 100,
      [](TinyShape* s) { s->rotated_dim = 32; });
  return cases;
}

inline std::vector<TinyCase> RopeCases() {
  std::vector<TinyCase> cases;
  const auto add = [&](const char* name, const char* architecture,
                       const std::function<void(TinyShape*)>& with,
                       std::function<void(TinyShape*)> without) {
    TinyShape shape = EvenShape(architecture);
    with(&shape);
    cases.push_back({name, shape, 200, kExactBound, std::move(without)});
  };
  add(
      "rope_linear", "llama",
      [](TinyShape* s) {
        s->rope_type = "linear";
        s->rope_factor = 3;
      },
      [](TinyShape* s) { s->rope_type = "none"; });
  add(
      "rope_yarn", "qwen2",
      [](TinyShape* s) {
        s->rope_type = "yarn";
        s->rope_factor = 8;
        s->original_context = 64;
      },
      [](TinyShape* s) { s->rope_type = "linear"; });
  add(
      "rope_yarn_attention", "llama",
      [](TinyShape* s) {
        s->rope_type = "yarn";
        s->rope_factor = 8;
        s->original_context = 64;
        s->attention_factor = 1.2f;
      },
      [](TinyShape* s) { s->attention_factor = 0; });
  add(
      "rope_llama3", "llama", [](TinyShape* s) { s->rope_factors = true; },
      [](TinyShape* s) { s->rope_factors = false; });
  add(
      "rope_long", "phi3",
      [](TinyShape* s) {
        s->rope_type = "longrope";
        s->long_rope_factors = true;
        s->original_context = 64;
        s->attention_factor = 1.25f;
      },
      [](TinyShape* s) { s->original_context = 512; });
  add(
      "rope_short", "phi3",
      [](TinyShape* s) {
        s->rope_type = "longrope";
        s->long_rope_factors = true;
        s->original_context = 512;
      },
      [](TinyShape* s) { s->long_rope_factors = false; });
  return cases;
}

inline std::vector<TinyCase> ExpertCases() {
  std::vector<TinyCase> cases;
  const auto add = [&](const char* name, const char* architecture, int experts, int used,
                       const std::function<void(TinyShape*)>& with,
                       std::function<void(TinyShape*)> without) {
    TinyShape shape = EvenShape(architecture);
    shape.experts = experts;
    shape.experts_used = used;
    if (with) with(&shape);
    cases.push_back({name, shape, 100, kExactBound, std::move(without)});
  };
  add("mixtral", "llama", 4, 2, nullptr, [](TinyShape* s) { s->experts_used = 1; });
  add("qwen3moe", "qwen3moe", 9, 3, nullptr, [](TinyShape* s) { s->experts_used = 2; });
  const auto gpt_oss = [](TinyShape* s) {
    s->tied = false;
    s->rope_type = "yarn";
    s->rope_factor = 4;
    s->original_context = 64;
  };
  add("gpt_oss", "gpt-oss", 6, 2, gpt_oss, [](TinyShape* s) { s->window = 200; });
  add(
      "gpt_oss_mxfp4", "gpt-oss", 6, 2,
      [&](TinyShape* s) {
        gpt_oss(s);
        s->expert_type = numerics::BlockType::kMXFP4;
      },
      [](TinyShape* s) { s->experts_used = 1; });
  cases.back().bound = kQuantizedBound;
  return cases;
}

inline std::vector<TinyCase> AllCases() {
  std::vector<TinyCase> all = DenseCases();
  for (const auto& more : {RopeCases(), ExpertCases()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

/// The prompt of a case.
inline std::vector<int32_t> CaseTokens(const TinyCase& c) {
  std::mt19937 rng(77);
  std::vector<int32_t> tokens(c.prompt);
  for (int32_t& token : tokens) token = static_cast<int32_t>(rng() % 256);
  return tokens;
}

/// Positions whose logits are recorded: the first, some in between, the last.
inline std::vector<int> CasePositions(const TinyCase& c) {
  return {0, c.prompt / 4, c.prompt / 2, c.prompt - 1};
}

}  // namespace dure::models::testing
