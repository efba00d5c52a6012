#include "dialects/chat_completions/stream_reader.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/json_members.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

using Kind = chat::Delta::Kind;

constexpr std::int64_t kIndexMax = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kPendingBytesMax = 1024 * 1024;  // of all calls whose names have not come

void tell(Kind kind, const StreamReader::Sink& sink, std::string_view text = {}) {
  chat::Delta delta;
  delta.kind = kind;
  delta.text = text;
  sink(delta);
}

void tell_text(Kind kind, std::string_view text, const StreamReader::Sink& sink) {
  if (!text.empty()) tell(kind, sink, text);
}

std::unexpected<Error> senseless(std::string_view what) {
  std::string message = "The provider's stream makes no sense: ";
  return std::unexpected(provider_failed(ErrorCode::provider_error, message.append(what)));
}

}  // namespace

Result<void> ChunkReader::event(std::string_view name, std::string_view data, const Sink& sink) {
  body_ = {};
  if (terminated_) return {};
  data = ascii_trim(data);
  if (data.empty()) return {};
  if (data == "[DONE]") {
    terminated_ = true;
    return {};
  }
  if (document_.parse(data, json::kProviderLimits)) return senseless("an event holds no valid JSON.");
  body_ = document_.root();
  if (!body_.is_object()) return senseless("an event is no JSON object.");
  if (name == "error") return std::unexpected(flavour_->parse_error_body(ReplyHead{}, body_));
  return chunk(sink);
}

Result<void> ChunkReader::chunk(const Sink& sink) {
  const auto [id, model, tier, choices, usage, error, object] =
      json::members(body_, "id", "model", "service_tier", "choices", "usage", "error", "object");
  const bool ordinary = choices.present() && !error.present() && object.string_or("") != "error";
  if (!ordinary && holds_error(body_)) return std::unexpected(flavour_->parse_error_body(ReplyHead{}, body_));

  if (id_.empty()) id_ = id.string_or("");
  if (model_.empty()) model_ = model.string_or("");
  if (const std::string_view word = tier.string_or(""); !word.empty()) service_tier_ = word;

  Result<void> outcome;
  const json::Value first = first_choice(choices);
  if (!started_ && (first.present() || !id_.empty())) {
    started_ = true;
    tell(Kind::started, sink, service_tier_);
  }
  if (first.present()) outcome = choice(first, sink);

  // Usage may stand on any chunk; the last one counts, and one without never erases it.
  if (usage.has_value()) {
    if (auto read = flavour_->parse_usage(usage)) usage_ = std::move(read);
  }
  if (usage_ && usage_->service_tier.empty()) usage_->service_tier = service_tier_;
  return outcome;
}

Result<void> ChunkReader::choice(const json::Value& choice, const Sink& sink) {
  const auto [delta, finish_reason, finish_details, error, object, detail, message] = json::members(
      choice, "delta", "finish_reason", "finish_details", "error", "object", "detail", "message");
  const bool ordinary = !error.present() && !object.present() && !detail.present() && !message.present();
  if (!ordinary && holds_error(choice))
    return std::unexpected(flavour_->parse_error_body(ReplyHead{}, choice));

  const auto [text, reasoning_content, reasoning, refusal, annotations, audio, calls, legacy_call] =
      json::members(delta, "content", "reasoning_content", "reasoning", "refusal", "annotations", "audio",
                    "tool_calls", "function_call");
  const std::string_view thought = reasoning_content.string_or("");
  tell_text(Kind::thinking, thought.empty() ? reasoning.string_or("") : thought, sink);
  content(text, sink);
  tell_text(Kind::refusal, refusal.string_or(""), sink);
  for (const json::Value annotation : annotations) tell_text(Kind::opaque, annotation.raw(), sink);
  if (audio.is_object()) tell_text(Kind::opaque, audio.raw(), sink);

  for (const json::Value fragment : calls) {
    if (auto told = call_fragment(fragment, fragment["function"], sink); !told) return told;
  }
  if (legacy_call.is_object()) {
    if (auto told = call_fragment(json::Value{}, legacy_call, sink); !told) return told;
  }
  // Mistral's last chunk carries its last piece and the reason together: piece first.
  if (finished_ || (!finish_reason.has_value() && !finish_details.present())) return {};
  const std::string_view word = finish_word_of(choice);
  if (word.empty()) return {};
  if (says_failed(word)) return senseless("it ended with the finish reason \"error\".");
  finish(word, sink);
  return {};
}

void ChunkReader::content(const json::Value& content, const Sink& sink) {
  if (const auto text = content.string()) return tell_text(Kind::text, *text, sink);
  for (const json::Value part : content) {
    const std::string_view type = part["type"].string_or("");
    if (type == "text" || type == "output_text") {
      tell_text(Kind::text, part["text"].string_or(""), sink);
    } else if (type == "refusal") {
      tell_text(Kind::refusal, part["refusal"].string_or(""), sink);
    } else if (type == "thinking") {
      tell_text(Kind::thinking, part["thinking"].string_or(""), sink);
      for (const json::Value piece : part["thinking"])
        tell_text(Kind::thinking, piece["text"].string_or(""), sink);
      tell_text(Kind::thinking_signature, part["signature"].string_or(""), sink);
    } else {
      tell_text(Kind::opaque, part.raw(), sink);
    }
  }
}

// Which call a fragment belongs to. `index` decides; where it is missing, the id; where that is missing too,
// the last call. Some servers give every whole call the index 0: a named fragment with another id is another
// call.
ChunkReader::Call* ChunkReader::call_for(const json::Value& fragment, std::string_view id,
                                         std::string_view name) {
  std::optional<std::int64_t> index = fragment["index"].integer();
  if (index && (*index < 0 || *index > kIndexMax)) index.reset();
  for (std::size_t i = calls_.size(); i-- > 0;) {
    Call& call = calls_[i];
    const bool same_place = index ? call.wire_index == *index : (id.empty() || call.id == id);
    if (!same_place) continue;
    if (!id.empty() && !name.empty() && !call.id.empty() && call.id != id) {
      if (index) continue;
      break;
    }
    return &call;
  }
  if (calls_.size() >= kToolCallsMax) return nullptr;
  const std::int64_t next = calls_.empty() ? 0 : calls_.back().wire_index + 1;
  Call& call = calls_.emplace_back();
  call.wire_index = index.value_or(next);
  call.id = id;
  return &call;
}

Result<void> ChunkReader::call_fragment(const json::Value& fragment, const json::Value& function,
                                        const Sink& sink) {
  if (fragment["type"].string_or("") == "custom") {
    tell_text(Kind::opaque, fragment.raw(), sink);
    return {};
  }
  const std::string_view id = fragment["id"].string_or("");
  const std::string_view name = function["name"].string_or("");
  if (id.size() + name.size() > kToolCallNamesBytesMax)
    return senseless("a tool call's id and name are too long.");
  Call* call = call_for(fragment, id, name);
  if (call == nullptr) return senseless("it opens too many tool calls.");
  if (call->id.empty()) call->id = id;
  if (!call->begun && !name.empty()) begin(*call, name, sink);

  const json::Value value = function["arguments"];
  const std::string_view text = value.is_object() ? value.raw() : value.string_or("");
  if (text.empty()) return {};
  if (call->begun) {
    arguments(*call, text, sink);
  } else if (pending_bytes_ + text.size() > kPendingBytesMax) {
    return senseless("a tool call has arguments but no name.");
  } else {
    call->pending.append(text);
    pending_bytes_ += text.size();
  }
  return {};
}

void ChunkReader::begin(Call& call, std::string_view name, const Sink& sink) {
  call.begun = true;
  call.tool_index = begun_count_++;
  if (call.id.empty()) call.id = minted_call_id(id_, call.tool_index);
  chat::Delta delta;
  delta.kind = Kind::tool_call_begin;
  delta.tool_index = call.tool_index;
  delta.tool_id = call.id;
  delta.tool_name = name;
  sink(delta);
  if (call.pending.empty()) return;
  const std::string pending = std::exchange(call.pending, {});
  pending_bytes_ -= pending.size();
  arguments(call, pending, sink);
}

void ChunkReader::arguments(Call& call, std::string_view text, const Sink& sink) {
  call.has_arguments = true;
  chat::Delta delta;
  delta.kind = Kind::tool_call_arguments;
  delta.text = text;
  delta.tool_index = call.tool_index;
  sink(delta);
}

void ChunkReader::finish(std::string_view word, const Sink& sink) {
  finished_ = true;
  finish_word_ = word;
  finish_reason_ = finish_reason_of(word);
  // A call that takes nothing may come without arguments; "" would be no JSON in the next turn. One that was
  // cut short must not look whole.
  if (finish_reason_ != chat::FinishReason::length) {
    for (Call& call : calls_) {
      if (call.begun && !call.has_arguments) arguments(call, "{}", sink);
    }
  }
  tell(Kind::finished, sink);
}

}  // namespace ai_proxy::dialects::chat_completions
