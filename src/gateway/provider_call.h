// One attempt at a provider: send what was rendered, and make sense of what comes back. The waiting is
// counted in Exchange::provider_time.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"
#include "dialects/dialect.h"
#include "gateway/exchange.h"
#include "http/client.h"

namespace ai_proxy::gateway {

// Phase 3 where the body must be translated: exchange.conversation in exchange.call.dialect, for the placed
// model. With `on_unsupported: reject`, what would be a warning is an error.
Result<void> render_conversation(Exchange& exchange);

// The lines of a caller's header that go on to a provider of its own dialect: versions and beta features.
std::string forwarded_fields(const http::Headers& headers);

// Makes the call; the answer's head has been read. A status that is no 2xx becomes an Error, with its body
// read and understood. Redirects are never followed.
http::Task<Result<http::ClientReply>> call_provider(Exchange& exchange, Call& call,
                                                    http::Cancellation& cancellation);

// Counts the time from here to the end of the scope as waiting for the provider.
class ProviderWait {
 public:
  explicit ProviderWait(Exchange& exchange) : exchange_(exchange), begin_(http::Clock::now()) {}
  ~ProviderWait() { exchange_.provider_time += http::Clock::now() - begin_; }
  ProviderWait(const ProviderWait&) = delete;
  ProviderWait& operator=(const ProviderWait&) = delete;

 private:
  Exchange& exchange_;
  http::Clock::time_point begin_;
};

}  // namespace ai_proxy::gateway
