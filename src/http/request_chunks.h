// Removes chunked framing from a request body, cut anywhere, within the server's limits. No I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "http/chunk_framing.h"
#include "http/limits.h"
#include "http/request_fault.h"

namespace ai_proxy::http {

class ChunkDecoder {
 public:
  // Appends the payload of `bytes` to `body`; returns how many bytes were used (all of them unless done or
  // fault).
  std::size_t feed(std::string_view bytes, std::string& body, const ServerLimits& limits);

  bool done() const { return framing_.done(); }
  const RequestFault& fault() const { return fault_; }

 private:
  void check(std::size_t body_bytes, const ServerLimits& limits);

  ChunkFraming framing_{ChunkFraming::From::client};
  std::size_t overhead_ = 0;  // bytes that were neither payload nor trailer
  RequestFault fault_;
};

}  // namespace ai_proxy::http
