// One request with all it led to. The record travels through every phase of chat.cpp; finish() reads it at
// the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "cache/cache.h"
#include "chat/conversation.h"
#include "chat/reply.h"
#include "chat/tool_names.h"
#include "chat/warnings.h"
#include "config/settings.h"
#include "dialects/dialect.h"
#include "dialects/door.h"
#include "gateway/worker.h"
#include "http/client.h"
#include "http/server.h"
#include "pricing/cost.h"
#include "routing/route.h"

namespace ai_proxy::gateway {

enum class CacheState : std::uint8_t { disabled, bypass, miss, hit };
std::string_view word(CacheState state);  // HIT, MISS, BYPASS, DISABLED

class Face;
class Lead;  // single_flight.h

// One call of a provider, as it is rendered for a candidate, and what is known of its answer.
struct Call {
  const routing::Candidate* candidate = nullptr;  // of the exchange's plan
  const dialects::Dialect* dialect = nullptr;     // what is spoken with the provider
  bool passes_through = false;                    // the caller speaks it too: bytes go as they are, both ways
  std::string fields;                             // header lines of the caller's own that go along
  std::string rendered;                           // the body; empty: it goes as the caller sent it
  std::string_view as_it_came;                    // the exchange's body, where it goes so
  std::string own_answer;               // the whole answer, where no provider is needed for it; else empty
  std::optional<cache::Key> cache_key;  // under which its answer is kept; set where it may be, or be shared

  int status = 0;                   // HTTP status of the answer; 0 = none came
  std::string request_id;           // the provider's
  std::string answer_fields;        // header lines of the answer that a caller of the same dialect gets
  std::string refusal;              // passes_through: the body of its error, to be shown as it is; else empty
  http::Clock::time_point begun{};  // the provider was called; zero: not yet
  std::optional<http::Clock::time_point> answer_begun;  // the head of a good answer came

  std::string_view body() const { return rendered.empty() ? as_it_came : std::string_view(rendered); }
};

// What is asked in the body of a request that must be translated.
struct Conversation {
  explicit Conversation(chat::Request asked) : request(std::move(asked)) {}
  chat::Request request;
  chat::ToolNames tool_names = {};  // what the provider calls them
};

struct Exchange {
  Exchange(Worker& worker, http::Request& request, http::ResponseWriter& response, const Face& face);
  ~Exchange();  // finish(): it is counted, and the access line is written, always, whatever happened
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Where we are.
  Worker& worker;
  std::shared_ptr<const config::Settings> settings;  // the snapshot this request lives with
  std::shared_ptr<cache::Cache> cache;
  http::Request& request;
  http::ResponseWriter& response;

  // What was asked.
  const Face& face;  // how we speak to this caller
  Operation operation = Operation::other;
  std::string request_id;
  json::Document body;
  dialects::Glance asked;
  std::string_view asked_provider;             // empty: the model's name decides
  std::unique_ptr<Conversation> conversation;  // null while the body need not be translated
  chat::Warnings warnings;

  // Where it goes.
  routing::Plan plan;
  Call call;                                // the one that is, or was last, made
  std::chrono::milliseconds total_time{0};  // for all attempts together
  int attempts = 0;
  std::string tried;  // the failed ones, in words: "openai/gpt-4o-mini=overloaded 31ms, …"

  // The cache.
  CacheState cache_state = CacheState::disabled;
  bool cache_write = false;
  bool may_share = false;      // the call, with others that ask the same at this time
  bool collapsed = false;      // another exchange fetches, or has fetched, the answer
  std::unique_ptr<Lead> lead;  // others may wait for what this one fetches
  std::chrono::seconds cache_ttl{0};

  // What came of it.
  int status = 0;              // as sent; 499 when the client went away
  std::string answered_model;  // the provider's word for it; empty = not known
  std::optional<chat::Usage> usage;
  pricing::Cost cost;
  PicoUsd saved = 0;  // a hit: what the answer cost when it was made
  chat::FinishReason finish_reason = chat::FinishReason::unknown;
  std::optional<Error> error;
  std::size_t response_bytes = 0;
  bool stream_begun = false;  // the caller has the head of a stream: what fails now fails inside it
  bool silent = false;        // no access line: health checks come every second

  // Time: from the request's last byte.
  http::Clock::duration provider_time{};  // spent waiting for the provider
  std::optional<http::Clock::time_point> first_token;

  // The head of a stream goes to the caller.
  void begin_stream();
  // What the provider says, with the tools' names as the caller knows them.
  void restore_names(chat::Reply& reply) const {
    if (conversation) conversation->tool_names.restore(reply);
  }
  chat::Delta with_names_restored(chat::Delta delta) const {
    return conversation ? conversation->tool_names.restored(delta) : delta;
  }

  std::int64_t latency_ms() const;
  // Of the time since the request's last byte, what was spent in the gateway itself: the provider and a
  // caller that is slow to take its answer have the rest.
  http::Clock::duration own_time(http::Clock::duration elapsed) const;
  std::string_view model_shown() const;  // the answered model, else the one asked for on the wire
};

// The header lines every answer carries (contract, section 5).
std::string response_fields(const Exchange& exchange, bool with_cost);

// A header line whose value comes from outside: what could break a header becomes '?'.
void append_foreign_field(std::string& fields, std::string_view name, std::string_view value);

// What the answer says of itself, and what it cost: nothing, where it was not fetched for this caller.
void note_answer(Exchange& exchange, std::string_view answered_model,
                 const std::optional<chat::Usage>& usage);

// Usage to money; a provider that names the model it used is believed when the catalogue knows that name.
pricing::Cost price(const Exchange& exchange, std::string_view answered_model,
                    const std::optional<chat::Usage>& usage);

}  // namespace ai_proxy::gateway
