// The SQL of streams of events. Private to store/; each function runs inside a job or a read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/events.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

struct StreamRow {
  int64_t number = 0;
  StreamInfo info;  // open: false; last_event also of streams that are not finished
};

/// Errors: those of EventLog::Create.
Result<int64_t> InsertStream(Connection& connection, const NewStream& stream,
                             const EventLimits& limits);
/// account_id "": any. with_contents: head and result too.
Result<std::optional<StreamRow>> FindStream(Connection& connection, std::string_view account_id,
                                            std::string_view id, bool with_contents);
/// False: the stream is gone. Events that are there already stay.
Result<bool> InsertEvents(Connection& connection, int64_t stream,
                          const std::vector<StreamEvent>& events);
/// Packs the events of a stream, or keeps the last alone; marks it as finished. Errors: kNotFound.
Result<void> FinishStream(Connection& connection, int64_t stream, const StreamEnd& end);
/// Some events after `after`; none: there are none.
Result<std::vector<StreamEvent>> ReadEvents(Connection& connection, int64_t stream, int64_t after,
                                            size_t most_bytes);
/// Payload bytes of a stream that is not finished.
Result<int64_t> EventBytes(Connection& connection, int64_t stream);
Result<bool> DeleteStream(Connection& connection, std::string_view account_id, std::string_view id);
Result<void> DeleteStreamsBefore(Connection& connection, std::string_view kind, int64_t oldest_ms);
/// Not finished, oldest first, without head.
Result<std::vector<StreamInfo>> UnfinishedStreams(Connection& connection, std::string_view kind,
                                                  int most);

}  // namespace dure::store::sqlite
