// Where the bytes of a stream come from: a provider's connection, or another exchange that leads.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/asio.h"

namespace ai_proxy::gateway {

class StreamSource {
 public:
  virtual ~StreamSource() = default;
  // The next bytes, as the provider sent them; an empty view is the end. Views live until the
  // caller waits for anything.
  virtual http::Task<Result<std::string_view>> read_some() = 0;
  // An event has come.
  virtual void event_seen() {}
};

}  // namespace ai_proxy::gateway
