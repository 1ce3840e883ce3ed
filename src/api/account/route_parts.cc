#include "api/account/route_parts.h"

#include <utility>

#include "api/service.h"
#include "store/secrets.h"

namespace dure::api {

void InBackground(const Service& service, const Call& call, std::function<void()> work) {
  if (service.gate->background().Post(std::move(work))) return;
  call.Send(ApiError{"server_busy", "too many people are signing in; try again later", ""});
}

ApiResult<void> CheckNewPassword(std::string_view password) {
  const auto checked = store::CheckPassword(password);
  if (!checked) return Refuse("invalid_value", checked.error().message, "password");
  return {};
}

}  // namespace dure::api
