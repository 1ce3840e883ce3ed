#include "models/bert.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "base/thread_team.h"
#include "models/decoder.h"
#include "models/load_macros.h"
#include "models/workspace.h"
#include "numerics/kernels.h"
#include "numerics/kv_layout.h"

namespace dure::models {
namespace {

using numerics::AttentionState;
using numerics::kAttentionChunk;
using numerics::kKvBlock;

// Rows of texts computed together; a longer text is computed alone.
constexpr int64_t kRowsAtOnce = 1024;
// Rows of one head in one piece of attention.
constexpr int kTileRows = 24;
constexpr numerics::CacheType kCache = numerics::CacheType::kF16;
constexpr int kBlocksPerChunk = kAttentionChunk / kKvBlock;

/// Weight and bias of a layer norm.
struct LayerNorm {
  std::vector<float> weight, bias;
};

struct Layer {
  Linear q, k, v, o;
  LayerNorm attention_norm;
  Linear up, down;
  LayerNorm output_norm;
};

/// One text among those computed together.
struct Text {
  const int32_t* tokens;
  int64_t rows;
  int64_t first_row;
  int64_t first_block;  // of the keys and values
};

/// Rows [first_row, first_row + rows) of the batch, one head, against the whole text.
struct AttentionTask {
  int32_t text;
  int32_t head;
  int64_t first_row;
  int rows;
};

/// Memory of one batch of texts, and the pieces its attention is cut into.
struct Batch {
  explicit Batch(const EncoderConfig& c, int members)
      : state(c.width), attended(c.width), hidden(c.ff_width), counters(c.layers) {
    scratch.resize(members);
    for (AttentionScratch& s : scratch) {
      s.queries.resize(kTileRows);
      s.begin.resize(kTileRows);
      s.end.resize(kTileRows);
      s.states.resize(kTileRows);
      s.acc.resize(static_cast<size_t>(kTileRows) * c.head_dim);
      s.scores.resize(static_cast<size_t>(kTileRows) * kAttentionChunk);
    }
  }

  std::vector<Text> texts;
  std::vector<AttentionTask> tasks;
  int64_t rows = 0;
  Operand state;                               // [rows][width]: what a layer reads and writes
  Operand attended;                            // [rows][width]
  Operand hidden;                              // [rows][ff_width]
  std::vector<float> queries, keys, values;    // [rows][width]
  std::vector<uint8_t> cache;                  // [blocks][heads], as numerics/kv_layout.h describes
  std::vector<AttentionScratch> scratch;       // one a member
  std::vector<std::atomic<int32_t>> counters;  // [layers]: next task
};

class Bert : public Encoder {
 public:
  Bert(EncoderConfig config, const numerics::Kernels* kernels, ThreadTeam* team)
      : config_(std::move(config)),
        kernels_(*kernels),
        team_(*team),
        batch_(config_, team->size()) {}

  Result<void> Load(WeightLoader* loader);

  const EncoderConfig& config() const override { return config_; }
  uint64_t weight_bytes() const override { return weight_bytes_; }
  Result<void> Encode(std::span<const std::vector<int32_t>> texts,
                      std::span<float> vectors) override;

 private:
  Result<LayerNorm> LoadNorm(WeightLoader* loader, const std::string& name) const;
  Result<Layer> LoadLayer(WeightLoader* loader, const std::string& prefix) const;
  Result<void> CheckTexts(std::span<const std::vector<int32_t>> texts,
                          std::span<float> vectors) const;
  void Prepare(std::span<const std::vector<int32_t>> texts);
  void EncodeBatch(std::span<float> vectors);

  // One member's part; those marked "joins" end with a barrier.
  std::pair<int64_t, int64_t> Mine(int64_t count, int member) const {
    return ThreadTeam::Share(count, member, team_.size());
  }
  void Embed(int member);                                    // joins
  void RunLayer(const Layer& layer, int index, int member);  // joins
  void StoreKeysAndValues(int member);                       // joins
  void Attend(int index, const Layer& layer, int member);    // joins
  void RunTask(const AttentionTask& task, AttentionScratch* scratch);
  void Project(const Linear& w, const Operand& input, float* y, bool add, int member) const;
  /// state = norm(state), in the forms the consumers read. Joins.
  void NormState(const LayerNorm& norm, QuantizedForms forms, int member);
  void Quantize(Operand* operand, int64_t begin, int64_t end, QuantizedForms forms) const;
  size_t BlockBytes() const {
    return static_cast<size_t>(numerics::CacheBlockBytes(kCache, config_.head_dim));
  }
  uint8_t* Block(int64_t block, int head) {
    return batch_.cache.data() + static_cast<size_t>(block * config_.heads + head) * BlockBytes();
  }
  void Pool(std::span<float> vectors, int member);

  const EncoderConfig config_;
  const numerics::Kernels& kernels_;
  ThreadTeam& team_;
  uint64_t weight_bytes_ = 0;
  Linear tokens_, positions_;
  std::vector<float> type_;  // of the first token type; empty where the model has none
  LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
  Batch batch_;
};

QuantizedForms FormsFor(std::initializer_list<const Linear*> consumers) {
  QuantizedForms forms;
  for (const Linear* linear : consumers) forms.Add(linear->weights);
  return forms;
}

Result<LayerNorm> Bert::LoadNorm(WeightLoader* loader, const std::string& name) const {
  LayerNorm norm;
  DURE_ASSIGN(norm.weight, loader->LoadVector(name + ".weight", config_.width));
  DURE_ASSIGN(norm.bias, loader->LoadVector(name + ".bias", config_.width));
  return norm;
}

Result<Layer> Bert::LoadLayer(WeightLoader* loader, const std::string& prefix) const {
  const int64_t width = config_.width;
  const int64_t ff_width = config_.ff_width;
  Layer layer;
  DURE_ASSIGN(layer.q, loader->LoadLinear(prefix + "attn_q", width, width));
  DURE_ASSIGN(layer.k, loader->LoadLinear(prefix + "attn_k", width, width));
  DURE_ASSIGN(layer.v, loader->LoadLinear(prefix + "attn_v", width, width));
  DURE_ASSIGN(layer.o, loader->LoadLinear(prefix + "attn_output", width, width));
  DURE_ASSIGN(layer.attention_norm, LoadNorm(loader, prefix + "attn_output_norm"));
  DURE_ASSIGN(layer.up, loader->LoadLinear(prefix + "ffn_up", ff_width, width));
  DURE_ASSIGN(layer.down, loader->LoadLinear(prefix + "ffn_down", width, ff_width));
  DURE_ASSIGN(layer.output_norm, LoadNorm(loader, prefix + "layer_output_norm"));
  return layer;
}

Result<void> Bert::Load(WeightLoader* loader) {
  DURE_ASSIGN(tokens_, loader->LoadLinear("token_embd", config_.vocab_size, config_.width));
  DURE_ASSIGN(positions_,
              loader->LoadLinear("position_embd", config_.context_length, config_.width));
  if (loader->Has("token_types.weight")) {
    DURE_ASSIGN(type_, loader->LoadFirstRow("token_types.weight", config_.width));
  }
  DURE_ASSIGN(embedding_norm_, LoadNorm(loader, "token_embd_norm"));
  for (int i = 0; i < config_.layers; ++i) {
    auto layer = LoadLayer(loader, "blk." + std::to_string(i) + ".");
    if (!layer) return tl::unexpected(layer.error());
    layers_.push_back(*std::move(layer));
  }
  weight_bytes_ = loader->packed_bytes();
  return {};
}

Result<void> Bert::CheckTexts(std::span<const std::vector<int32_t>> texts,
                              std::span<float> vectors) const {
  if (vectors.size() < texts.size() * static_cast<size_t>(config_.width)) {
    return Fail(ErrorCode::kInvalidArgument, "encoder: too little room for vectors");
  }
  for (const std::vector<int32_t>& text : texts) {
    if (text.empty()) return Fail(ErrorCode::kInvalidArgument, "encoder: a text has no tokens");
    if (text.size() > static_cast<size_t>(config_.context_length)) {
      return Fail(ErrorCode::kContextLengthExceeded, "the text has " + std::to_string(text.size()) +
                                                         " tokens, the model takes at most " +
                                                         std::to_string(config_.context_length));
    }
    for (const int32_t token : text) {
      if (token < 0 || token >= config_.vocab_size) {
        return Fail(ErrorCode::kInvalidArgument, "encoder: token out of range");
      }
    }
  }
  return {};
}

Result<void> Bert::Encode(std::span<const std::vector<int32_t>> texts, std::span<float> vectors) {
  DURE_CHECK_RESULT(CheckTexts(texts, vectors));
  for (size_t begin = 0; begin < texts.size();) {
    size_t end = begin + 1;
    size_t rows = texts[begin].size();
    while (end < texts.size() && rows + texts[end].size() <= kRowsAtOnce) {
      rows += texts[end++].size();
    }
    Prepare(texts.subspan(begin, end - begin));
    EncodeBatch(vectors.subspan(begin * config_.width, (end - begin) * config_.width));
    begin = end;
  }
  const auto used = vectors.first(texts.size() * static_cast<size_t>(config_.width));
  if (!std::all_of(used.begin(), used.end(), [](float v) { return std::isfinite(v); })) {
    return Fail(ErrorCode::kCorrupt, "the encoder gave a vector that is not finite");
  }
  return {};
}

void Bert::Prepare(std::span<const std::vector<int32_t>> texts) {
  Batch& b = batch_;
  b.texts.clear();
  b.tasks.clear();
  b.rows = 0;
  int64_t blocks = 0;
  for (const std::vector<int32_t>& text : texts) {
    const auto rows = static_cast<int64_t>(text.size());
    const auto index = static_cast<int32_t>(b.texts.size());
    b.texts.push_back({text.data(), rows, b.rows, blocks});
    for (int head = 0; head < config_.heads; ++head) {
      for (int64_t row = 0; row < rows; row += kTileRows) {
        const int count = static_cast<int>(std::min<int64_t>(kTileRows, rows - row));
        b.tasks.push_back({index, head, b.rows + row, count});
      }
    }
    b.rows += rows;
    blocks += (rows + kKvBlock - 1) / kKvBlock;
  }
  b.state.Grow(b.rows);
  b.attended.Grow(b.rows);
  b.hidden.Grow(b.rows);
  const auto size = static_cast<size_t>(b.rows * config_.width);
  for (auto* rows : {&b.queries, &b.keys, &b.values}) rows->resize(std::max(rows->size(), size));
  const auto bytes = static_cast<size_t>(blocks * config_.heads) * BlockBytes();
  b.cache.resize(std::max(b.cache.size(), bytes));
  for (auto& counter : b.counters) counter.store(0, std::memory_order_relaxed);
}

void Bert::EncodeBatch(std::span<float> vectors) {
  team_.Run([&](int member) {
    Embed(member);
    for (int i = 0; i < config_.layers; ++i) RunLayer(layers_[i], i, member);
    Pool(vectors, member);
  });
}

void Bert::Embed(int member) {
  const auto width = static_cast<size_t>(config_.width);
  const auto [begin, end] = Mine(batch_.rows, member);
  std::vector<float> position(width);
  for (const Text& text : batch_.texts) {
    const int64_t last = std::min(end, text.first_row + text.rows);
    for (int64_t row = std::max(begin, text.first_row); row < last; ++row) {
      float* x = batch_.state.row(row);
      const int64_t at = row - text.first_row;
      tokens_.weights.DequantizeRow(text.tokens[at], {x, width});
      positions_.weights.DequantizeRow(at, position);
      if (!type_.empty()) kernels_.add(x, type_.data(), config_.width);
      kernels_.add(x, position.data(), config_.width);
    }
  }
  const Layer& first = layers_[0];
  NormState(embedding_norm_, FormsFor({&first.q, &first.k, &first.v}), member);
}

void Bert::RunLayer(const Layer& l, int index, int member) {
  Batch& b = batch_;
  Project(l.q, b.state, b.queries.data(), false, member);
  Project(l.k, b.state, b.keys.data(), false, member);
  Project(l.v, b.state, b.values.data(), false, member);
  team_.Barrier();
  StoreKeysAndValues(member);
  Attend(index, l, member);
  Project(l.o, b.attended, b.state.row(0), true, member);
  team_.Barrier();
  NormState(l.attention_norm, FormsFor({&l.up}), member);

  Project(l.up, b.state, b.hidden.row(0), false, member);
  team_.Barrier();
  const auto [begin, end] = Mine(b.rows, member);
  kernels_.gelu_erf(b.hidden.row(begin), (end - begin) * config_.ff_width);
  Quantize(&b.hidden, begin, end, FormsFor({&l.down}));
  team_.Barrier();
  Project(l.down, b.hidden, b.state.row(0), true, member);
  team_.Barrier();
  QuantizedForms forms;
  if (index + 1 < config_.layers) {
    const Layer& next = layers_[index + 1];
    forms = FormsFor({&next.q, &next.k, &next.v});
  }
  NormState(l.output_norm, forms, member);
}

void Bert::Project(const Linear& w, const Operand& input, float* y, bool add, int member) const {
  const auto [begin, end] = Mine(w.weights.groups(), member);
  Product(kernels_, w.weights.view(), input, 0, batch_.rows, begin, end,
          {y, w.weights.rows(), w.bias_data(), add});
}

void Bert::NormState(const LayerNorm& norm, QuantizedForms forms, int member) {
  const auto [begin, end] = Mine(batch_.rows, member);
  for (int64_t row = begin; row < end; ++row) {
    float* x = batch_.state.row(row);
    kernels_.layer_norm(x, norm.weight.data(), norm.bias.data(), config_.width,
                        config_.norm_epsilon, x);
  }
  Quantize(&batch_.state, begin, end, forms);
  team_.Barrier();
}

void Bert::Quantize(Operand* operand, int64_t begin, int64_t end, QuantizedForms forms) const {
  const auto make = [&](const numerics::QuantizedRows& form) {
    kernels_.quantize(operand->values(), operand->cols(), begin, end, &form);
  };
  if (forms.blocks32) make(operand->blocks32());
  if (forms.blocks256) make(operand->blocks256());
}

void Bert::StoreKeysAndValues(int member) {
  Batch& b = batch_;
  const auto [begin, end] = Mine(b.rows, member);
  for (const Text& text : b.texts) {
    const int64_t last = std::min(end, text.first_row + text.rows);
    for (int64_t row = std::max(begin, text.first_row); row < last; ++row) {
      const int64_t position = row - text.first_row;
      const int64_t block = text.first_block + position / kKvBlock;
      for (int head = 0; head < config_.heads; ++head) {
        const int64_t from = row * config_.width + int64_t{head} * config_.head_dim;
        kernels_.store_kv(kCache, b.keys.data() + from, b.values.data() + from, config_.head_dim,
                          static_cast<int>(position % kKvBlock), Block(block, head));
      }
    }
  }
  team_.Barrier();
}

void Bert::Attend(int index, const Layer& layer, int member) {
  Batch& b = batch_;
  std::atomic<int32_t>& next = b.counters[index];
  const auto tasks = static_cast<int32_t>(b.tasks.size());
  for (int32_t i = next.fetch_add(1); i < tasks; i = next.fetch_add(1)) {
    RunTask(b.tasks[i], &b.scratch[member]);
  }
  team_.Barrier();
  const auto [begin, end] = Mine(b.rows, member);
  Quantize(&b.attended, begin, end, FormsFor({&layer.o}));
  team_.Barrier();
}

void Bert::RunTask(const AttentionTask& task, AttentionScratch* s) {
  Batch& b = batch_;
  const Text& text = b.texts[task.text];
  const int dim = config_.head_dim;
  const int64_t offset = int64_t{task.head} * dim;
  for (int i = 0; i < task.rows; ++i) {
    s->queries[i] = b.queries.data() + (task.first_row + i) * config_.width + offset;
    s->states[i] = {-std::numeric_limits<float>::infinity(), 0, s->acc.data() + i * dim};
    std::fill_n(s->states[i].acc, dim, 0.0f);
    s->begin[i] = 0;
  }
  const uint8_t* blocks[kBlocksPerChunk] = {};
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  const numerics::AttentionTile tile = {
      s->queries.data(), task.rows, s->begin.data(), s->end.data(), dim, scale, 0, kCache, blocks,
      s->scores.data()};
  for (int64_t start = 0; start < text.rows; start += kAttentionChunk) {
    const int64_t seen = std::min<int64_t>(text.rows - start, kAttentionChunk);
    std::fill_n(s->end.begin(), task.rows, static_cast<int>(seen));
    for (int i = 0; i * kKvBlock < seen; ++i) {
      blocks[i] = Block(text.first_block + start / kKvBlock + i, task.head);
    }
    kernels_.attend(&tile, s->states.data());
  }
  for (int i = 0; i < task.rows; ++i) {
    float* out = b.attended.row(task.first_row + i) + offset;
    std::copy_n(s->states[i].acc, dim, out);
    kernels_.scale(out, 1.0f / s->states[i].sum, dim);
  }
}

/// Scales x to length 1, the squares summed in 16 partial sums; zeros stay zeros.
void Normalize(const numerics::Kernels& kernels, float* x, int64_t count) {
  float partial[16] = {};
  for (int64_t i = 0; i < count; ++i) partial[i % 16] = std::fma(x[i], x[i], partial[i % 16]);
  for (int width = 8; width >= 1; width /= 2) {
    for (int i = 0; i < width; ++i) partial[i] += partial[i + width];
  }
  if (partial[0] > 0) kernels.scale(x, 1.0f / std::sqrt(partial[0]), count);
}

void Bert::Pool(std::span<float> vectors, int member) {
  const auto [begin, end] = Mine(static_cast<int64_t>(batch_.texts.size()), member);
  for (int64_t i = begin; i < end; ++i) {
    const Text& text = batch_.texts[i];
    float* out = vectors.data() + i * config_.width;
    std::copy_n(batch_.state.row(text.first_row), config_.width, out);
    if (config_.pooling == Pooling::kMean) {
      for (int64_t row = 1; row < text.rows; ++row) {
        kernels_.add(out, batch_.state.row(text.first_row + row), config_.width);
      }
      kernels_.scale(out, 1.0f / static_cast<float>(text.rows), config_.width);
    }
    if (config_.normalize) Normalize(kernels_, out, config_.width);
  }
}

}  // namespace

Result<std::unique_ptr<Encoder>> LoadBert(EncoderConfig config, WeightLoader* loader,
                                          const LoadOptions& options) {
  const numerics::Kernels* kernels = nullptr;
  DURE_ASSIGN(kernels, PickKernels(options));
  auto bert = std::make_unique<Bert>(std::move(config), kernels, options.team);
  DURE_CHECK_RESULT(bert->Load(loader));
  return bert;
}

}  // namespace dure::models
