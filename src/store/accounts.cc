#include "store/accounts.h"

#include "store/name.h"

namespace dure::store {

Result<std::string> CheckAccountName(std::string_view name) {
  auto normal = NormaliseName(name, 64);
  if (!normal)
    return Fail(ErrorCode::kInvalidArgument, "the account's name " + normal.error().message);
  return normal;
}

}  // namespace dure::store
