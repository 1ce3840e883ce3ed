// The parts of AddAppRoutes.
#pragma once

namespace dure::api {

class Routes;

void AddConversationRoutes(Routes& routes);

}  // namespace dure::api
