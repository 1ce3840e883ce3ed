// What the numerics contract costs: its products beside those of kernels that may round in any
// order, on one thread, with weights in the cache. Both must give the same numbers up to rounding,
// else the program fails. Prints a table; with --benchmark_* flags also what Google Benchmark says.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/contract/free_kernels.h"
#include "tests/numerics/random_data.h"

namespace dure::bench {
namespace {

using numerics::BlockType;
using numerics::PackedMatrix;

constexpr BlockType kTypes[] = {BlockType::kQ4_1, BlockType::kQ5_0, BlockType::kQ8_0,
                                BlockType::kQ4_K, BlockType::kQ6_K};
constexpr int64_t kRows[] = {1, 8, 512};
// The second-level cache holds the matrix in every type.
constexpr int64_t kOutputs = 512;
constexpr int64_t kCols = 1536;
constexpr int kRepetitions = 15;

using MatMul = decltype(numerics::Kernels::matmul);

/// A matrix and activations that both contenders multiply.
struct Product {
  Product(BlockType type, int64_t row_count)
      : rows(row_count), quantized(row_count, kCols, numerics::LayoutOf(type).block) {
    namespace data = numerics::testing;
    std::mt19937 rng(1);
    weights = data::Pack(type, kOutputs, kCols, data::RandomRows(type, kOutputs, kCols, rng));
    const auto x = data::RandomFloats(rows * kCols, rng);
    numerics::KernelsFor(numerics::Isa::kAvx512)
        ->quantize(x.data(), kCols, 0, rows, &quantized.view);
    y.resize(rows * kOutputs);
  }

  void Run(MatMul multiply) {
    const numerics::ProductOut out = {y.data(), kOutputs, nullptr, false};
    multiply(&weights.view(), &quantized.view, 0, rows, 0, weights.groups(), &out);
  }

  int64_t rows;
  numerics::testing::Quantized quantized;
  PackedMatrix weights;
  std::vector<float> y;
};

/// The largest difference between the contenders, relative to the size of the results.
double Difference(Product& product, MatMul contract) {
  product.Run(contract);
  const std::vector<float> expected = product.y;
  product.Run(FreeMatMul);
  double worst = 0;
  double size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(expected[i]) - product.y[i]));
    size = std::max(size, std::abs(static_cast<double>(expected[i])));
  }
  return worst / size;
}

/// Keeps the time of every repetition by benchmark name.
class Collector : public benchmark::ConsoleReporter {
 public:
  Collector() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Iteration) {
        times[run.run_name.function_name].push_back(run.GetAdjustedCPUTime());
      }
    }
  }

  std::map<std::string, std::vector<double>> times;
};

std::string Name(BlockType type, int64_t rows, const char* contender) {
  return std::string(numerics::InfoOf(type).name) + "/" + std::to_string(rows) + "/" + contender;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintTable(const Collector& collector) {
  std::printf("| type | rows | contract, GMAC/s | free, GMAC/s | the contract's price |\n");
  std::printf("|---|---|---|---|---|\n");
  for (const BlockType type : kTypes) {
    for (const int64_t rows : kRows) {
      const auto contract = collector.times.find(Name(type, rows, "contract"));
      const auto free = collector.times.find(Name(type, rows, "free"));
      if (contract == collector.times.end() || free == collector.times.end()) continue;
      const double products = static_cast<double>(rows * kOutputs * kCols);
      const double a = Median(contract->second);
      const double b = Median(free->second);
      std::printf("| %s | %lld | %.1f | %.1f | %+.1f %% |\n",
                  std::string(numerics::InfoOf(type).name).c_str(), static_cast<long long>(rows),
                  products / a, products / b, (a / b - 1) * 100);
    }
  }
}

int Main(int argc, char** argv) {
  const numerics::Kernels* kernels = numerics::KernelsFor(numerics::Isa::kAvx512);
  if (kernels == nullptr) {
    std::fprintf(stderr, "contract: this machine has no AVX-512 with VNNI\n");
    return 1;
  }
  std::vector<std::string> arguments(argv, argv + argc);
  arguments.insert(arguments.begin() + 1,
                   {"--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.02",
                    "--benchmark_repetitions=" + std::to_string(kRepetitions)});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());

  std::vector<std::unique_ptr<Product>> products;
  for (const BlockType type : kTypes) {
    for (const int64_t rows : kRows) {
      products.push_back(std::make_unique<Product>(type, rows));
      Product* product = products.back().get();
      const double difference = Difference(*product, kernels->matmul);
      if (!(difference < 1e-5)) {
        std::fprintf(stderr, "contract: %s differs by %g\n", Name(type, rows, "free").c_str(),
                     difference);
        return 1;
      }
      const auto add = [product](const std::string& name, MatMul multiply) {
        benchmark::RegisterBenchmark(name.c_str(), [product, multiply](benchmark::State& state) {
          for (auto _ : state) product->Run(multiply);
        });
      };
      add(Name(type, rows, "contract"), kernels->matmul);
      add(Name(type, rows, "free"), FreeMatMul);
    }
  }
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  PrintTable(collector);
  return 0;
}

}  // namespace
}  // namespace dure::bench

int main(int argc, char** argv) { return dure::bench::Main(argc, argv); }
