// What a JSON Schema compiles to: for each position of a value, the values allowed there, in a form
// that a reader of JSON text can follow byte by byte. Nothing is negative and nothing overlaps by
// accident: alternatives are followed side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/grammar/dfa.h"

namespace dure::text {

/// A value that a member or item may have, and what taking this choice counts towards.
struct JsonChoice {
  int32_t node = 0;
  uint32_t counts = 0;  // bits: witnesses of an object, `contains` of an array
};

/// One alternative of an object.
struct JsonObject {
  int32_t names = 0;                             // automaton of names; its tag is a class
  std::vector<std::vector<JsonChoice>> classes;  // of names: the values allowed
  std::vector<std::string> required;             // sorted
  int32_t required_names = -1;  // automaton of the required names alone, where max makes it needed
  int64_t min = 0;
  int64_t max = -1;        // -1: any number
  uint32_t witnesses = 0;  // bits that must have been counted at the end
};

/// One alternative of an array.
struct JsonArray {
  struct Contains {
    int64_t min = 0;
    int64_t max = -1;
  };
  std::vector<std::vector<JsonChoice>> prefix;
  std::vector<JsonChoice> rest;
  int64_t min = 0;
  int64_t max = -1;
  bool unique = false;
  uint64_t distinct = kUncountable;  // how many different items there can be
  std::vector<Contains> contains;    // at most kMostContains
};
constexpr size_t kMostContains = 3;

/// The values allowed at one position: any of these.
struct JsonNode {
  bool null = false;
  bool yes = false;
  bool no = false;
  int32_t string = -1;  // automata; -1: none
  int32_t number = -1;
  std::vector<int32_t> arrays;
  std::vector<int32_t> objects;
  bool empty() const {
    return !null && !yes && !no && string < 0 && number < 0 && arrays.empty() && objects.empty();
  }
};

/// Immutable once compiled.
struct JsonProgram {
  std::vector<std::shared_ptr<const Dfa>> automata;
  std::vector<JsonNode> nodes;
  std::vector<JsonArray> arrays;
  std::vector<JsonObject> objects;
  int32_t root = 0;
  int max_whitespace = 0;  // bytes at one place
  int max_depth = 0;
  size_t max_frames = 0;
};

}  // namespace dure::text
