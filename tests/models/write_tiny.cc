// write_tiny FOLDER: writes the model of every case as FOLDER/NAME.gguf and prints, as JSON, what
// tests/models/oracle/record.py needs to know: {name: {tokens, positions, context}}.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/models/tiny_cases.h"

int main(int argc, char** argv) {
  using namespace dure::models::testing;
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_tiny FOLDER\n");
    return 2;
  }
  nlohmann::json out = nlohmann::json::object();
  for (const TinyCase& c : AllCases()) {
    const std::string path = std::string(argv[1]) + "/" + c.name + ".gguf";
    if (auto written = TinyModelWriter(c.shape).Write(path); !written) {
      std::fprintf(stderr, "%s\n", written.error().message.c_str());
      return 1;
    }
    out[c.name] = {
        {"tokens", CaseTokens(c)}, {"positions", CasePositions(c)}, {"context", c.shape.context}};
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}
