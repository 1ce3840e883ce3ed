// Files that contradict themselves, architecture by architecture: the error names the key or the
// tensor.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/thread_team.h"
#include "models/registry.h"
#include "tests/models/tiny_model.h"

namespace dure::models {
namespace {

using formats::GgufWriter;
using testing::TinyShape;

struct BadModel {
  const char* name;
  const char* architecture;
  std::function<void(TinyShape*)> damage;
  const char* expected;  // part of the message

  friend void PrintTo(const BadModel& bad, std::ostream* out) { *out << bad.name; }
};

std::function<void(TinyShape*)> Skip(const char* tensor) {
  return [tensor](TinyShape* s) { s->skip_tensor = tensor; };
}
std::function<void(TinyShape*)> Reshape(const char* tensor) {
  return [tensor](TinyShape* s) { s->reshape_tensor = tensor; };
}
std::function<void(TinyShape*)> SetUint(const char* key, uint32_t value) {
  return [=](TinyShape* s) {
    s->settings = [=](GgufWriter* writer) { writer->SetUint32(key, value); };
  };
}
std::function<void(TinyShape*)> SetFloat(const char* key, float value) {
  return [=](TinyShape* s) {
    s->settings = [=](GgufWriter* writer) { writer->SetFloat32(key, value); };
  };
}

const BadModel kBadModels[] = {
    {"qwen3_without_head_norm", "qwen3", Skip("blk.1.attn_q_norm.weight"),
     "lacks the tensor \"blk.1.attn_q_norm.weight\""},
    {"gemma2_without_post_norm", "gemma2", Skip("blk.0.post_ffw_norm.weight"),
     "lacks the tensor \"blk.0.post_ffw_norm.weight\""},
    {"phi3_without_qkv", "phi3", Skip("blk.0.attn_qkv.weight"),
     "lacks the tensor \"blk.0.attn_q.weight\""},
    {"phi3_qkv_turned", "phi3", Reshape("blk.0.attn_qkv.weight"), "\"blk.0.attn_qkv.weight\" is"},
    {"phi3_gate_up_turned", "phi3", Reshape("blk.1.ffn_up.weight"), "\"blk.1.ffn_up.weight\" is"},
    {"phi3_without_long_factors", "phi3",
     [](TinyShape* s) {
       s->long_rope_factors = true;
       s->original_context = 64;
       s->rotated_dim = 32;
       s->settings = [](GgufWriter* w) { w->SetUint32("phi3.rope.dimension_count", 48); };
     },
     "\"rope_factors_long.weight\" is 1 x 16"},
    {"gpt_oss_without_sinks", "gpt-oss", Skip("blk.0.attn_sinks.weight"),
     "lacks the tensor \"blk.0.attn_sinks.weight\""},
    {"gpt_oss_without_experts", "gpt-oss", [](TinyShape* s) { s->experts = 0; },
     "lacks gpt-oss.expert_count"},
    {"moe_without_router", "qwen3moe", Skip("blk.0.ffn_gate_inp.weight"),
     "lacks the tensor \"blk.0.ffn_gate_inp.weight\""},
    {"moe_experts_missing", "qwen3moe", Skip("blk.1.ffn_down_exps.weight"),
     "lacks the tensor \"blk.1.ffn_down_exps.weight\""},
    {"moe_experts_turned", "qwen3moe", Reshape("blk.0.ffn_up_exps.weight"),
     "\"blk.0.ffn_up_exps.weight\" is"},
    {"moe_scale_not_finite", "qwen3moe",
     [](TinyShape* s) { s->spoil_tensor = "blk.0.ffn_gate_exps.weight"; },
     "\"blk.0.ffn_gate_exps.weight\" has a scale that is not a finite number"},
    {"moe_more_experts_than_tensors", "qwen3moe", SetUint("qwen3moe.expert_count", 8),
     "\"blk.0.ffn_gate_inp.weight\" is"},
    {"moe_uses_more_than_it_has", "qwen3moe", SetUint("qwen3moe.expert_used_count", 5),
     "qwen3moe.expert_used_count is 5, expected 1 to 4"},
    {"moe_uses_none", "qwen3moe", SetUint("qwen3moe.expert_used_count", 0),
     "qwen3moe.expert_used_count is 0"},
    {"moe_too_many", "qwen3moe", SetUint("qwen3moe.expert_count", 1 << 20),
     "qwen3moe.expert_count is 1048576, expected 1 to 1024"},
    {"moe_width_of_zero", "qwen3moe", SetUint("qwen3moe.expert_feed_forward_length", 0),
     "qwen3moe.expert_feed_forward_length is 0"},
    {"dense_with_experts", "qwen3", SetUint("qwen3.expert_count", 4), "qwen3.expert_used_count"},
    {"gemma_with_experts", "gemma2",
     [](TinyShape* s) {
       s->settings = [](GgufWriter* w) {
         w->SetUint32("gemma2.expert_count", 4);
         w->SetUint32("gemma2.expert_used_count", 2);
       };
     },
     "mixtures of experts are not supported for the architecture \"gemma2\""},
    {"odd_rotation", "qwen3", SetUint("qwen3.rope.dimension_count", 33),
     "qwen3.rope.dimension_count is 33"},
    {"rotation_beyond_the_head", "qwen3", SetUint("qwen3.rope.dimension_count", 128),
     "qwen3.rope.dimension_count is 128"},
    {"heads_that_do_not_divide", "qwen3", SetUint("qwen3.attention.head_count_kv", 3),
     "do not divide"},
    {"negative_scaling", "llama", SetFloat("llama.rope.scaling.factor", -2),
     "llama.rope.scaling.factor is out of range"},
    {"scaling_not_a_number", "llama", SetFloat("llama.rope.scaling.factor", NAN),
     "llama.rope.scaling.factor is out of range"},
    {"unknown_scaling", "llama", [](TinyShape* s) { s->rope_type = "spiral"; },
     "llama.rope.scaling.type \"spiral\" is not supported"},
    {"temperature_not_a_number", "mistral3", SetFloat("mistral3.attention.temperature_scale", NAN),
     "mistral3.attention.temperature_scale is out of range"},
    {"cap_not_a_number", "gemma2", SetFloat("gemma2.attn_logit_softcapping", NAN),
     "gemma2.attn_logit_softcapping is out of range"},
    {"short_window_pattern", "gpt-oss",
     [](TinyShape* s) {
       s->settings = [](GgufWriter* w) {
         w->SetInt32s("gpt-oss.attention.sliding_window_pattern", {1});
       };
     },
     "gpt-oss.attention.sliding_window_pattern has 1 flags for 2 layers"},
};

class BadModels : public ::testing::TestWithParam<BadModel> {};

TEST_P(BadModels, AreRefusedByName) {
  TinyShape shape;
  shape.architecture = GetParam().architecture;
  if (shape.architecture == "qwen3moe" || shape.architecture == "gpt-oss") shape.experts = 4;
  GetParam().damage(&shape);
  const std::string path = testing::WriteTinyModel(shape);
  ASSERT_FALSE(path.empty());
  ThreadTeam team(2);
  LoadOptions options;
  options.team = &team;
  auto file = formats::GgufFile::Open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  auto model = LoadModel(**file, options);
  ASSERT_FALSE(model.has_value());
  EXPECT_NE(model.error().message.find(GetParam().expected), std::string::npos)
      << model.error().message;
}

INSTANTIATE_TEST_SUITE_P(Tiny, BadModels, ::testing::ValuesIn(kBadModels),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace dure::models
