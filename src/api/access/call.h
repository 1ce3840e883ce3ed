// One request as a handler sees it, after the gate has let it in.
#pragma once

#include <memory>
#include <string>

#include "api/access/caller.h"
#include "api/access/ticket.h"
#include "api/error_table.h"
#include "net/http.h"

namespace dure::api {

struct Call {
  const net::Request& request;
  Caller caller;
  std::shared_ptr<net::ResponseWriter> writer;
  /// Of routes that ask a model for something (Rule::kInference, POST, on a worker); else null. The
  /// answer holds it until its end.
  std::shared_ptr<Ticket> ticket;
  std::string request_id;  // as the answer's x-request-id says it
  /// How this route's clients want errors.
  ErrorRenderer render_error = ErrorResponse;

  void Send(net::Response response) const { writer->Send(std::move(response)); }
  void Send(const ApiError& error) const { writer->Send(render_error(error)); }
};

}  // namespace dure::api
