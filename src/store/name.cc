#include "store/name.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace dure::store {

namespace {

struct Free {
  void operator()(utf8proc_uint8_t* text) const { std::free(text); }
};

Result<std::string> Map(std::string_view text, int options) {
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                             static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Free> mapped(raw);
  if (size < 0) return Fail(ErrorCode::kInvalidArgument, "must be UTF-8");
  return std::string(reinterpret_cast<const char*>(mapped.get()), static_cast<size_t>(size));
}

bool IsControl(utf8proc_category_t category) {
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
         category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CN;
}

}  // namespace

Result<std::string> NormaliseName(std::string_view name, size_t most_characters) {
  const std::string wrong_length =
      "must have 1 to " + std::to_string(most_characters) + " characters";
  if (name.empty() || name.size() > most_characters * 16) {
    return Fail(ErrorCode::kInvalidArgument, wrong_length);
  }
  auto normal = Map(name, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (!normal) return normal;
  size_t characters = 0;
  bool space_at_end = false;
  for (size_t at = 0; at < normal->size(); ++characters) {
    utf8proc_int32_t code_point = 0;
    at += static_cast<size_t>(
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(normal->data()) + at,
                         static_cast<utf8proc_ssize_t>(normal->size() - at), &code_point));
    const utf8proc_category_t category = utf8proc_category(code_point);
    if (IsControl(category)) {
      return Fail(ErrorCode::kInvalidArgument, "must not hold control characters");
    }
    const bool space = category == UTF8PROC_CATEGORY_ZS;
    if (space && characters == 0) space_at_end = true;
    if (at == normal->size() && space) space_at_end = true;
  }
  if (characters > most_characters) return Fail(ErrorCode::kInvalidArgument, wrong_length);
  if (space_at_end) return Fail(ErrorCode::kInvalidArgument, "must not begin or end with a space");
  return normal;
}

std::string NameKey(std::string_view name) {
  return Map(name, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                       UTF8PROC_IGNORE)
      .value_or(std::string());
}

}  // namespace dure::store
