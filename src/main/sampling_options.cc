#include "main/sampling_options.h"

namespace dure {

void AddSamplingOptions(CLI::App& command, SamplingOptions& options) {
  engine::SamplingParams& params = options.params;
  const std::string group = "Sampling";
  command
      .add_option("--max-tokens", options.max_tokens,
                  "Longest answer in tokens (default: up to the context)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--temperature", params.temperature,
                  "0: always the most likely token; 1: as the model says; more: more varied")
      ->group(group)
      ->capture_default_str();
  command.add_option("--seed", params.seed, "The same seed gives the same answer")
      ->group(group)
      ->capture_default_str();
  command.add_option("--top-k", params.top_k, "Only the K most likely tokens (0: off)")
      ->group(group);
  command.add_option("--top-p", params.top_p, "Only the likeliest tokens with P of the mass")
      ->group(group);
  command.add_option("--min-p", params.min_p, "Only tokens P times as likely as the best")
      ->group(group);
  command.add_option("--typical-p", params.typical_p, "Locally typical sampling (1: off)")
      ->group(group);
  command
      .add_option("--repetition-penalty", params.repetition_penalty,
                  "Makes recent tokens less likely (1: off)")
      ->group(group);
  command
      .add_option("--presence-penalty", params.presence_penalty,
                  "Taken once from tokens that were generated")
      ->group(group);
  command
      .add_option("--frequency-penalty", params.frequency_penalty,
                  "Taken for each time a token was generated")
      ->group(group);
  command.add_option("--stop", options.stop, "Text that ends the answer; may be given many times")
      ->group(group)
      ->allow_extra_args(false);
}

}  // namespace dure
