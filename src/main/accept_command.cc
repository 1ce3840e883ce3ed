// `dure accept`: whether token masks would let a model write given documents.
#include <iostream>
#include <memory>

#include "main/commands.h"
#include "main/json_io.h"
#include "main/model_options.h"
#include "text/grammar/constraint.h"

namespace dure {
namespace {

struct Options {
  ModelOptions model;
  std::string schema;
  std::string regex;
  std::string grammar;
  bool json = false;
};

using GrammarPtr = std::shared_ptr<const text::Grammar>;

Result<GrammarPtr> LoadGrammar(const Options& options, const text::Tokenizer& tokenizer) {
  const int given = !options.schema.empty() + !options.regex.empty() + !options.grammar.empty();
  if (given != 1) {
    return Fail(ErrorCode::kInvalidArgument, "give one of --schema, --regex and --grammar");
  }
  auto vocabulary = std::make_shared<const text::TokenVocabulary>(tokenizer);
  if (!options.regex.empty()) {
    return text::Grammar::FromRegex(options.regex, std::move(vocabulary));
  }
  const std::string& path = options.schema.empty() ? options.grammar : options.schema;
  const auto source = ReadFile(path);
  if (!source) return tl::unexpected(source.error());
  text::JsonSchemaOptions schema_options;
  schema_options.allow_nothing = true;  // then nothing is accepted
  return options.schema.empty()
             ? text::Grammar::FromGbnf(*source, std::move(vocabulary))
             : text::Grammar::FromJsonSchema(*source, std::move(vocabulary), schema_options);
}

/// The tokenizer's own tokens where they spell the document exactly, else the longest that do.
std::vector<text::TokenId> TokensOf(const text::Tokenizer& tokenizer,
                                    const text::TokenVocabulary& vocabulary,
                                    const std::string& document) {
  std::vector<text::TokenId> tokens = tokenizer.Encode(document, text::ControlTokens::kAsText);
  std::string spelt;
  for (const text::TokenId token : tokens) spelt += vocabulary.Bytes(token);
  if (spelt != document) tokens = vocabulary.Spell(document);
  return tokens;
}

bool Accepts(const text::Tokenizer& tokenizer, const text::Grammar& grammar,
             const std::string& document) {
  const auto constraint = grammar.NewConstraint();
  const text::TokenVocabulary& vocabulary = constraint->vocabulary();
  text::TokenBits mask(vocabulary.words());
  const auto tokens = TokensOf(tokenizer, vocabulary, document);
  if (tokens.empty() && !document.empty()) return false;
  for (const text::TokenId token : tokens) {
    constraint->Mask(mask);
    if (!text::HasToken(mask, token) || !constraint->Advance(token)) return false;
  }
  return constraint->MayEnd();
}

Result<void> Accept(const Options& options) {
  const auto format = LoadChatFormat(options.model);
  if (!format) return tl::unexpected(format.error());
  const auto grammar = LoadGrammar(options, format->tokenizer());
  if (!grammar) return tl::unexpected(grammar.error());
  const auto input = ReadJsonInput();
  if (!input) return tl::unexpected(input.error());
  Json output = Json::array();
  if (!input->is_array()) {
    return Fail(ErrorCode::kInvalidArgument, "standard input must be a JSON array of strings");
  }
  for (const Json& item : *input) {
    if (!item.is_string()) {
      return Fail(ErrorCode::kInvalidArgument, "standard input must be a JSON array of strings");
    }
    output.push_back(Accepts(format->tokenizer(), **grammar, item.get<std::string>()));
  }
  if (options.json) {
    PrintJson(output);
    return {};
  }
  for (const Json& accepted : output) std::cout << (accepted.get<bool>() ? "yes" : "no") << "\n";
  return {};
}

}  // namespace

void RegisterAccept(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "accept", "Tell which texts a schema, regex or grammar lets a model write");
  command->group(kToolsGroup);
  command->footer(
      "Standard input is a JSON array of documents, each a string. A document is accepted when "
      "each\n"
      "of its tokens is in the mask at its place, and the answer may end behind the last.\n"
      "Example:\n  echo '[\"{}\", \"[1]\"]' | dure accept --schema schema.json --json");
  AddModelFileOption(*command, options->model);
  command->add_option("--schema", options->schema, "A file with a JSON Schema")->type_name("FILE");
  command->add_option("--regex", options->regex, "A regular expression for the whole text")
      ->type_name("PATTERN");
  command->add_option("--grammar", options->grammar, "A file with a grammar in GBNF")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Print JSON alone: an array of booleans");
  command->callback([options, &context] { context.outcome = Accept(*options); });
}

}  // namespace dure
