// write_tiny FOLDER: writes the model of every case as FOLDER/NAME.gguf and prints, as JSON, what
// tests/models/oracle/record.py needs to know:
// {"decoders": {name: {tokens, positions, context}}, "encoders": {name: {texts}}}.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/models/tiny_bert.h"
#include "tests/models/tiny_cases.h"

int main(int argc, char** argv) {
  using namespace dure::models::testing;
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_tiny FOLDER\n");
    return 2;
  }
  const auto path = [&](const std::string& name) {
    return std::string(argv[1]) + "/" + name + ".gguf";
  };
  nlohmann::json out = {{"decoders", nlohmann::json::object()},
                        {"encoders", nlohmann::json::object()}};
  bool all_written = true;
  for (const TinyCase& c : AllCases()) {
    all_written = TinyModelWriter(c.shape).Write(path(c.name)).has_value() && all_written;
    out["decoders"][c.name] = {
        {"tokens", CaseTokens(c)}, {"positions", CasePositions(c)}, {"context", c.shape.context}};
  }
  for (const int pooling : {1, 2}) {
    TinyBert shape;
    shape.pooling = pooling;
    const std::string name = pooling == 1 ? "bert_mean" : "bert_first_token";
    all_written = TinyBertWriter(shape).WriteGguf(path(name)).has_value() && all_written;
    out["encoders"][name] = {{"texts", TinyBertTexts(shape)}};
  }
  if (!all_written) {
    std::fprintf(stderr, "a model could not be written\n");
    return 1;
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}
