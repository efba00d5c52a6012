// Reads the event stream of a response: named events about items by their place in the output, the whole
// response at the end. Unknown events and the filler in known ones are passed over. Source: 239 recorded
// streams; openai SDK 7.57.0.
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "dialects/chat_completions/reply.h"
#include "dialects/openai_chat/openai_chat.h"
#include "dialects/openai_responses/openai_responses.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using Kind = chat::Delta::Kind;

// Far above what one answer holds; a bound on what a broken provider can make us keep.
constexpr std::size_t kItemsMax = 4096;

std::unexpected<Error> senseless(std::string_view what) {
  std::string message = "The provider's stream makes no sense: ";
  return std::unexpected(provider_failed(ErrorCode::provider_error, message.append(what)));
}

void tell(Kind kind, std::string_view text, const StreamReader::Sink& sink) {
  chat::Delta delta;
  delta.kind = kind;
  delta.text = text;
  sink(delta);
}

void tell_text(Kind kind, std::string_view text, const StreamReader::Sink& sink) {
  if (!text.empty()) tell(kind, text, sink);
}

class EventReader final : public StreamReader {
 public:
  Result<void> event(std::string_view name, std::string_view data, const Sink& sink) override;
  bool complete() const override { return terminated_; }
  bool terminated() const override { return terminated_; }

  const std::string& id() const override { return id_; }
  const std::string& model() const override { return model_; }
  chat::FinishReason finish_reason() const override { return finish_reason_; }
  const std::string& provider_finish_reason() const override { return finish_word_; }
  bool has_tool_calls() const override { return call_count_ > 0; }
  const std::optional<chat::Usage>& usage() const override { return usage_; }

 private:
  struct Item {
    std::int64_t place = 0;  // output_index
    bool told = false;       // text, or arguments, have come in pieces
    std::optional<std::uint32_t> tool_index;
  };

  Result<void> response_event(std::string_view type, const json::Value& response, const Sink& sink);
  Result<void> added(const json::Value& body, const Sink& sink);
  Result<void> done(const json::Value& body, const Sink& sink);
  Result<void> begin_call(Item& item, const json::Value& call, const Sink& sink);
  void arguments(Item& item, std::string_view text, const Sink& sink);
  // The whole of what did not come in pieces.
  void tell_message(const json::Value& message, const Sink& sink);
  void tell_reasoning(const Item& item, const json::Value& reasoning, const Sink& sink);
  // The item an event is about; one that was never announced begins here. nullptr = there are too many.
  Item* item_at(const json::Value& body);

  json::Document document_;  // reused: keeps its memory from event to event
  std::string id_;
  std::string model_;
  std::string finish_word_;
  chat::FinishReason finish_reason_ = chat::FinishReason::unknown;
  std::vector<Item> items_;
  std::uint32_t call_count_ = 0;
  std::optional<chat::Usage> usage_;
  std::string scratch_;  // holds a text while it is told
  bool started_ = false;
  bool terminated_ = false;
};

Result<void> EventReader::event(std::string_view name, std::string_view data, const Sink& sink) {
  if (terminated_) return {};
  data = ascii_trim(data);
  if (data.empty() || data == "[DONE]") return {};  // some relays end these streams as they end chat's
  if (document_.parse(data, json::kProviderLimits)) return senseless("an event holds no valid JSON.");
  const json::Value body = document_.root();
  if (!body.is_object()) return senseless("an event is no JSON object.");
  const std::string_view type = body["type"].string_or(name);
  // Nested as recorded, or flat as specified.
  if (type == "error" || body["error"].is_object())
    return std::unexpected(openai_chat::parse_error_body(ReplyHead{}, body));
  if (body["response"].is_object()) return response_event(type, body["response"], sink);
  if (type == "response.output_item.added") return added(body, sink);
  if (type == "response.output_item.done") return done(body, sink);

  const std::string_view piece = body["delta"].string_or("");
  if (type == "response.output_text.annotation.added") {
    if (body["annotation"].is_object()) {
      scratch_ = opaque_annotation(body["annotation"]);
      tell_text(Kind::opaque, scratch_, sink);
    }
    return {};
  }
  if (type == "response.reasoning_summary_part.added") {
    if (body["summary_index"].integer_or(0) > 0) tell(Kind::thinking, "\n\n", sink);
    return {};
  }
  std::optional<Kind> kind;
  if (type == "response.output_text.delta") kind = Kind::text;
  if (type == "response.refusal.delta") kind = Kind::refusal;
  if (type == "response.reasoning_summary_text.delta" || type == "response.reasoning_text.delta")
    kind = Kind::thinking;
  const bool is_arguments = type == "response.function_call_arguments.delta";
  if ((!kind && !is_arguments) || piece.empty()) return {};
  Item* item = item_at(body);
  if (item == nullptr) return senseless("it opens too many items.");
  if (is_arguments) {
    arguments(*item, piece, sink);
  } else {
    item->told = true;
    tell(*kind, piece, sink);
  }
  return {};
}

Result<void> EventReader::response_event(std::string_view type, const json::Value& response,
                                         const Sink& sink) {
  if (id_.empty()) id_ = response["id"].string_or("");
  if (const std::string_view model = response["model"].string_or(""); !model.empty()) model_ = model;
  if (type == "response.failed" || type == "response.cancelled" || says_failed(response))
    return std::unexpected(failure_of(response));
  if (!std::exchange(started_, true)) tell(Kind::started, {}, sink);
  if (type != "response.completed" && type != "response.incomplete") return {};
  terminated_ = true;
  const Ending ending = ending_of(response, has_tool_calls());
  finish_reason_ = ending.reason;
  finish_word_ = ending.word;
  usage_ = usage_of(response);
  tell(Kind::finished, {}, sink);
  return {};
}

Result<void> EventReader::added(const json::Value& body, const Sink& sink) {
  Item* item = item_at(body);
  if (item == nullptr) return senseless("it opens too many items.");
  if (body["item"]["type"].string_or("") != "function_call") return {};
  return begin_call(*item, body["item"], sink);
}

Result<void> EventReader::done(const json::Value& body, const Sink& sink) {
  Item* item = item_at(body);
  if (item == nullptr) return senseless("it opens too many items.");
  const json::Value whole = body["item"];
  const std::string_view type = whole["type"].string_or("");
  if (type == "function_call") {
    if (Result<void> begun = begin_call(*item, whole, sink); !begun) return begun;
    // A call that takes nothing may come without arguments; one that was cut short must not look whole.
    const std::string_view given = whole["arguments"].string_or("");
    const bool cut = whole["status"].string_or("") == "incomplete";
    if (!item->told) arguments(*item, given.empty() && !cut ? "{}" : given, sink);
  } else if (type == "message") {
    if (!item->told) tell_message(whole, sink);
  } else if (type == "reasoning") {
    tell_reasoning(*item, whole, sink);
  } else if (whole.is_object()) {
    tell_text(Kind::opaque, whole.raw(), sink);
  }
  item->told = true;
  return {};
}

Result<void> EventReader::begin_call(Item& item, const json::Value& call, const Sink& sink) {
  if (item.tool_index) return {};
  scratch_ = call["call_id"].string_or("");
  const std::string_view name = call["name"].string_or("");
  if (call_count_ >= kToolCallsMax) return senseless("it opens too many tool calls.");
  if (scratch_.size() + name.size() > kToolCallNamesBytesMax)
    return senseless("a tool call's id and name are too long.");
  item.tool_index = call_count_++;
  chat::Delta delta;
  delta.kind = Kind::tool_call_begin;
  delta.tool_index = *item.tool_index;
  if (scratch_.empty()) scratch_ = chat_completions::minted_call_id(id_, *item.tool_index);
  delta.tool_id = scratch_;
  delta.tool_name = name;
  sink(delta);
  return {};
}

void EventReader::arguments(Item& item, std::string_view text, const Sink& sink) {
  if (!item.tool_index || text.empty()) return;
  item.told = true;
  chat::Delta delta;
  delta.kind = Kind::tool_call_arguments;
  delta.text = text;
  delta.tool_index = *item.tool_index;
  sink(delta);
}

void EventReader::tell_message(const json::Value& message, const Sink& sink) {
  for (const json::Value part : message["content"]) {
    tell_text(Kind::text, part["text"].string_or(""), sink);
    tell_text(Kind::refusal, part["refusal"].string_or(""), sink);
  }
}

// The seal that counts comes with the whole item; the one announced before may be partial.
void EventReader::tell_reasoning(const Item& item, const json::Value& reasoning, const Sink& sink) {
  const std::string text = reasoning_text(reasoning);
  if (!item.told) tell_text(Kind::thinking, text, sink);
  const std::string_view sealed = reasoning["encrypted_content"].string_or("");
  if (sealed.empty()) return;
  chat::Delta delta;
  delta.kind = Kind::thinking_signature;
  delta.text = sealed;
  delta.redacted = text.empty() && !item.told;
  sink(delta);
}

EventReader::Item* EventReader::item_at(const json::Value& body) {
  const std::int64_t place = body["output_index"].integer_or(0);
  for (std::size_t i = items_.size(); i-- > 0;) {
    if (items_[i].place == place) return &items_[i];
  }
  if (items_.size() >= kItemsMax) return nullptr;
  items_.push_back({.place = place, .told = false, .tool_index = std::nullopt});
  return &items_.back();
}

}  // namespace

std::unique_ptr<StreamReader> make_stream_reader() {
  return std::make_unique<EventReader>();
}

}  // namespace ai_proxy::dialects::openai_responses
