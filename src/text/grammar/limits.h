// What one grammar may cost. Every limit that is reached gives kInvalidArgument with its name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dure::text {

struct GrammarLimits {
  size_t source_bytes = 2u << 20;   // of the schema, regex or GBNF text
  int source_depth = 128;           // nesting of the schema, of groups in a regex
  int64_t repetition = 100'000;     // largest n of {n}, minLength and the like of a pattern
  size_t nfa_states = 60'000;       // of one pattern
  size_t dfa_states = 100'000;      // of one lexical automaton
  size_t dfa_entries = 2u << 20;    // of its transition table
  size_t total_entries = 6u << 20;  // of all transition tables of one grammar
  size_t alternatives = 1'000;      // of one value after anyOf, oneOf and the like are multiplied
  size_t expansions = 30'000;       // alternatives looked at in all
  size_t nodes = 30'000;            // distinct value positions
  int number_digits = 400;          // of a numeric bound, written out
  size_t gbnf_rules = 2'000;
  int64_t multiple_of = 20'000;    // largest multipleOf, its decimal point left out
  int document_depth = 1'000;      // nesting of a document that is written
  size_t parallel_states = 2'000;  // readings of one document followed side by side
};

}  // namespace dure::text
