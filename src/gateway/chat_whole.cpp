#include "gateway/chat_whole.h"

#include <utility>

#include "base/json.h"
#include "gateway/face.h"
#include "gateway/send.h"

namespace ai_proxy::gateway {

constexpr std::size_t kOrdinaryBytes = 64 * 1024;

Result<WholeAnswer> understand(const Exchange& exchange, std::string body) {
  json::Document own;
  json::Document& document = body.size() <= kOrdinaryBytes ? exchange.worker.scratch_document() : own;
  if (document.parse(body, json::kProviderLimits)) {
    return std::unexpected(provider_failed(
        ErrorCode::provider_error, "The provider's answer is not valid JSON, although its status was 200."));
  }
  Result<chat::Reply> reply = exchange.call.dialect->parse_reply(document.root());
  const bool may_be_understood =
      exchange.call.passes_through && document.root().is_object() && !document.root()["error"].has_value();
  if (!reply && !may_be_understood) return std::unexpected(std::move(reply.error()));
  Result<WholeAnswer> answer(std::in_place);
  answer->body = std::move(body);
  if (reply) answer->reply = std::move(*reply);
  return answer;
}

void note_reply(Exchange& exchange, chat::Reply& reply) {
  exchange.restore_names(reply);
  note_answer(exchange, reply.model, reply.usage);
  exchange.finish_reason = chat::effective_finish_reason(reply.finish_reason, !reply.tool_calls.empty());
}

http::Task<void> send_whole(Exchange& exchange, WholeAnswer& answer) {
  if (!answer.reply) {
    if (exchange.cache_state == CacheState::hit) {
      exchange.cost = pricing::Cost::zero();
    } else {
      exchange.warnings.add(unknown_cost_warning(exchange));
    }
    co_await send(exchange, 200, answer.body, false);
    co_return;
  }
  if (!exchange.cost.known()) exchange.warnings.add(unknown_cost_warning(exchange));
  if (exchange.call.passes_through && !answer.body.empty()) {
    co_await send(exchange, 200, answer.body, true);
  } else {
    const std::string translated = exchange.face.render_reply(exchange, *answer.reply);
    co_await send(exchange, 200, translated, true);
  }
}

bool worth_keeping(chat::FinishReason reason) {
  using enum chat::FinishReason;
  return reason == stop || reason == tool_calls || reason == length;
}

}  // namespace ai_proxy::gateway
