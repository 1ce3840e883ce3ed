#include "engine/evaluation.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/thread_team.h"
#include "models/kv_storage.h"

namespace dure::engine {
namespace {

/// One model's logits, a few rows of a window at a time.
class WindowRunner {
 public:
  static Result<WindowRunner> Create(const EvaluatedModel& evaluated, int window, int step_rows) {
    WindowRunner runner(evaluated.model);
    const int blocks = (window + models::kKvBlockPositions - 1) / models::kKvBlockPositions;
    auto kv = models::KvStorage::Create(evaluated.model->config(), blocks, evaluated.kv_type);
    if (!kv) return tl::unexpected(kv.error());
    runner.kv_ = *std::move(kv);
    for (int block = 0; block < blocks; ++block) runner.blocks_.push_back(block);
    runner.logits_.resize(static_cast<size_t>(step_rows) * runner.vocab());
    return runner;
  }

  size_t vocab() const { return static_cast<size_t>(model_->config().vocab_size); }

  /// Computes positions [begin, end) of the window; logits of those from `first_logit` on.
  Result<void> Run(std::span<const int32_t> window, int begin, int end, int first_logit) {
    rows_.clear();
    wanted_.clear();
    for (int position = begin; position < end; ++position) {
      if (position >= first_logit) wanted_.push_back(static_cast<int32_t>(rows_.size()));
      rows_.push_back({window[static_cast<size_t>(position)], position, 0});
    }
    const models::SequenceView view = {blocks_};
    return model_->Forward({rows_, {&view, 1}, wanted_}, *kv_,
                           std::span(logits_).first(wanted_.size() * vocab()));
  }

  std::span<const float> Logits(size_t row) const {
    return std::span(logits_).subspan(row * vocab(), vocab());
  }

 private:
  explicit WindowRunner(models::Model* model) : model_(model) {}

  models::Model* model_;
  std::unique_ptr<models::KvStorage> kv_;
  std::vector<int32_t> blocks_;
  std::vector<models::StepRow> rows_;
  std::vector<int32_t> wanted_;
  std::vector<float> logits_;
};

struct Distribution {
  std::span<const float> logits;
  double log_sum = 0;  // log of the sum of exp(logit)
  size_t top = 0;
};

Distribution Read(std::span<const float> logits) {
  Distribution d;
  d.logits = logits;
  d.top = static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  const double max = logits[d.top];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  d.log_sum = max + std::log(sum);
  return d;
}

double LogProbability(const Distribution& d, size_t token) { return d.logits[token] - d.log_sum; }

/// What one position adds. Threads fill different elements.
struct Scored {
  double log_probability = 0;
  double reference_log_probability = 0;
  double divergence = 0;
  bool same_top = false;
};

double KlDivergence(const Distribution& reference, const Distribution& model) {
  double sum = 0;
  for (size_t i = 0; i < model.logits.size(); ++i) {
    const double log_p = LogProbability(reference, i);
    sum += std::exp(log_p) * (log_p - LogProbability(model, i));
  }
  return std::max(sum, 0.0);  // rounding may leave a little less
}

Scored ScoreRow(std::span<const float> logits, std::span<const float> reference, int32_t next) {
  Scored scored;
  const Distribution model = Read(logits);
  const auto token = static_cast<size_t>(next);
  scored.log_probability = LogProbability(model, token);
  if (reference.empty()) return scored;
  const Distribution other = Read(reference);
  scored.reference_log_probability = LogProbability(other, token);
  scored.divergence = KlDivergence(other, model);
  scored.same_top = other.top == model.top;
  return scored;
}

Divergence Summarize(const std::vector<Scored>& scored) {
  std::vector<double> values;
  Divergence out;
  for (const Scored& s : scored) {
    values.push_back(s.divergence);
    out.mean += s.divergence;
    out.same_top += s.same_top ? 1 : 0;
  }
  const auto count = static_cast<double>(scored.size());
  out.mean /= count;
  out.same_top /= count;
  std::sort(values.begin(), values.end());
  out.median = values[values.size() / 2];
  out.p99 = values[(values.size() - 1) * 99 / 100];
  out.max = values.back();
  return out;
}

class Evaluator {
 public:
  Evaluator(WindowRunner model, std::optional<WindowRunner> reference,
            const EvaluationOptions& options, ThreadTeam& team)
      : model_(std::move(model)),
        reference_(std::move(reference)),
        options_(options),
        team_(team) {}

  Result<void> RunWindow(std::span<const int32_t> window) {
    const auto size = static_cast<int>(window.size());
    const int first_logit = size / 2;  // predicts the first scored token
    for (int begin = 0; begin + 1 < size; begin += options_.step_rows) {
      const int end = std::min(begin + options_.step_rows, size - 1);
      if (auto ran = model_.Run(window, begin, end, first_logit); !ran) return ran;
      if (reference_) {
        if (auto ran = reference_->Run(window, begin, end, first_logit); !ran) return ran;
      }
      ScoreRows(window, std::max(begin, first_logit), end);
    }
    return {};
  }

  Evaluation Finish() const {
    Evaluation out;
    out.tokens = scored_.size();
    double sum = 0;
    double reference_sum = 0;
    for (const Scored& s : scored_) {
      sum -= s.log_probability;
      reference_sum -= s.reference_log_probability;
    }
    const auto count = static_cast<double>(scored_.size());
    out.perplexity = std::exp(sum / count);
    if (reference_) {
      out.reference_perplexity = std::exp(reference_sum / count);
      out.divergence = Summarize(scored_);
    }
    return out;
  }

 private:
  /// Rows [begin, end) of the window, whose logits the runners hold.
  void ScoreRows(std::span<const int32_t> window, int begin, int end) {
    if (begin >= end) return;
    const size_t first = scored_.size();
    const auto rows = static_cast<size_t>(end - begin);
    scored_.resize(first + rows);
    team_.Run([&](int member) {
      for (auto row = static_cast<size_t>(member); row < rows;
           row += static_cast<size_t>(team_.size())) {
        scored_[first + row] = ScoreRow(
            model_.Logits(row), reference_ ? reference_->Logits(row) : std::span<const float>(),
            window[static_cast<size_t>(begin) + row + 1]);
      }
    });
  }

  WindowRunner model_;
  std::optional<WindowRunner> reference_;
  const EvaluationOptions& options_;
  ThreadTeam& team_;
  std::vector<Scored> scored_;
};

Result<Evaluator> MakeEvaluator(const EvaluatedModel& evaluated, const EvaluatedModel& reference,
                                const EvaluationOptions& options, ThreadTeam& team) {
  auto model = WindowRunner::Create(evaluated, options.window, options.step_rows);
  if (!model) return tl::unexpected(model.error());
  if (reference.model == nullptr) {
    return Evaluator(*std::move(model), std::nullopt, options, team);
  }
  auto other = WindowRunner::Create(reference, options.window, options.step_rows);
  if (!other) return tl::unexpected(other.error());
  if (other->vocab() != model->vocab()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the models have different vocabularies: " + std::to_string(model->vocab()) +
                    " and " + std::to_string(other->vocab()) + " tokens");
  }
  return Evaluator(*std::move(model), *std::move(other), options, team);
}

}  // namespace

Result<Evaluation> Evaluate(const EvaluatedModel& evaluated, const EvaluatedModel& reference,
                            std::span<const int32_t> tokens, const EvaluationOptions& options,
                            ThreadTeam& team) {
  const auto size = static_cast<size_t>(options.window);
  if (options.window < 4 || options.step_rows < 1) {
    return Fail(ErrorCode::kInvalidArgument, "a window needs at least 4 tokens");
  }
  if (tokens.size() < size) {
    return Fail(ErrorCode::kInvalidArgument, "the text has " + std::to_string(tokens.size()) +
                                                 " tokens; one window needs " +
                                                 std::to_string(size));
  }
  auto evaluator = MakeEvaluator(evaluated, reference, options, team);
  if (!evaluator) return tl::unexpected(evaluator.error());
  const size_t windows = tokens.size() / size;
  for (size_t i = 0; i < windows; ++i) {
    const std::span<const int32_t> part = tokens.subspan(i * size, size);
    std::vector<int32_t> window(part.begin(), part.end());
    if (options.bos) window.front() = *options.bos;
    if (auto ran = evaluator->RunWindow(window); !ran) return tl::unexpected(ran.error());
    if (options.on_progress) options.on_progress(i + 1, windows);
  }
  return evaluator->Finish();
}

}  // namespace dure::engine
