// Whole answers: the provider's own bytes, wherever they come from, become the caller's answer.
#pragma once

#include <optional>
#include <string>

#include "chat/reply.h"
#include "gateway/exchange.h"

namespace ai_proxy::gateway {

struct WholeAnswer {
  std::string body;  // the provider's own; empty: it was gathered from a stream
  std::optional<chat::Reply>
      reply;  // null: no answer that we know, but the caller speaks its dialect and may
};

// Reads the provider's body, in the dialect of exchange.call. An error: it makes no sense.
Result<WholeAnswer> understand(const Exchange& exchange, std::string body);

// What the reply says of itself becomes the exchange's; its tools get their callers' names.
void note_reply(Exchange& exchange, chat::Reply& reply);

// Sends an answer that has been noted, in the caller's dialect.
http::Task<void> send_whole(Exchange& exchange, WholeAnswer& answer);

// Only an answer that ended as it should is worth keeping.
bool worth_keeping(chat::FinishReason reason);

}  // namespace ai_proxy::gateway
