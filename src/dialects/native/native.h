// Our own API, POST /v1/chat: the caller's side. Pure. The shapes are the contract's (docs/api.md).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/money.h"
#include "chat/conversation.h"
#include "chat/reply.h"
#include "chat/warnings.h"

namespace ai_proxy::dialects::native {

struct ParsedRequest {
  std::string_view provider;  // empty: left out
  chat::Request request;
};

// Either a request or the finished 400 body ({"error":"Invalid request","details":…,"expectedSchema":…}).
struct ParseOutcome {
  std::optional<ParsedRequest> parsed;
  std::string failure_body;
};

// `provider_names`: what the `provider` member may be, in the order to list them. `provider_optional` tells
// whether this model's name alone decides (it has a slash, is an alias or a catalogue name).
// `stream_in_query` turns the stream on. Unknown members become warnings. The request's views live in
// `body`'s document.
ParseOutcome parse_request(const json::Value& body, const std::vector<std::string_view>& provider_names,
                           const std::function<bool(std::string_view model)>& provider_optional,
                           bool stream_in_query, chat::Warnings& warnings);
// The 400 body for a text that is no JSON at all (details._errors names line and column).
std::string malformed_json_body(const json::Fault& fault,
                                const std::vector<std::string_view>& provider_names);

// What an answer costs, as the contract shows it: all null when it is not known.
struct CostView {
  std::optional<PicoUsd> input, output, total;
};

struct ReplyView {
  std::string_view provider;
  std::string_view model;
  const chat::Reply& reply;
  CostView cost;
  std::int64_t latency_ms = 0;
  bool cached = false;
  const chat::Warnings& warnings;
};
// The 200 body, members in the contract's order.
std::string render_reply(const ReplyView& view);

// Stream events, complete with "event:" line and blank line.
void render_chunk(std::string& out, const chat::Delta& delta);  // appends nothing for deltas we do not show
struct DoneView {
  chat::FinishReason finish_reason = chat::FinishReason::unknown;
  const std::optional<chat::Usage>& usage;
  CostView cost;
  std::int64_t latency_ms = 0;
  const chat::Warnings& warnings;
};
void render_done(std::string& out, const DoneView& view);

struct ErrorView {
  const Error& error;
  std::string_view provider;  // empty: null
  std::string_view model;
  int attempts = 0;
};
// {"error":"…","details":{"code","provider","model","status","retryable","retry_after_ms","provider_request_id","attempts"}}
std::string render_error(const ErrorView& view);
void render_error_event(std::string& out, const ErrorView& view);

// The one schema of the request, as OpenAPI (JSON Schema 2020-12) text; the same definition drives
// validation.
std::string request_json_schema(const std::vector<std::string_view>& provider_names);

}  // namespace ai_proxy::dialects::native
