// A request in Anthropic's words, made canonical. Faults are told as Anthropic tells them.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "dialects/anthropic_messages/door.h"
#include "dialects/anthropic_messages/door_faults.h"
#include "dialects/anthropic_messages/door_messages.h"
#include "dialects/anthropic_messages/door_thinking.h"
#include "dialects/anthropic_messages/door_tools.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

// Read by name below; everything else goes on raw, for the provider's dialect to judge.
constexpr std::array<std::string_view, 16> kRead{
    "model",    "messages",      "system",        "max_tokens",  "stop_sequences", "stream",
    "top_p",    "top_k",         "temperature",   "tools",       "tool_choice",    "thinking",
    "metadata", "output_config", "output_format", "service_tier"};

// Other dialects' names for what the canonical request holds: as raw members they would stand in the way.
constexpr std::array<std::string_view, 10> kForeign{"max_completion_tokens",
                                                    "stop",
                                                    "presence_penalty",
                                                    "frequency_penalty",
                                                    "seed",
                                                    "user",
                                                    "parallel_tool_calls",
                                                    "response_format",
                                                    "reasoning_effort",
                                                    "stream_options"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

class RequestReader {
 public:
  RequestReader(const json::Value& body, chat::Warnings& warnings) : body_(body), warnings_(warnings) {}

  Result<chat::Request> read() {
    if (body_.is_object()) {
      read_members();
    } else {
      faults_.add(root_, kNotAnObject);
    }
    if (faults_.any()) return std::unexpected(faults_.take());
    return std::move(request_);
  }

 private:
  void read_members() {
    request_.model = faults_.required_string(body_, "model", root_);
    read_max_tokens();
    request_.stream = faults_.boolean(body_, "stream", root_).value_or(false);
    read_sampling();
    read_tools(body_["tools"], Path(root_, "tools"), faults_, warnings_, request_);
    read_tool_choice(body_["tool_choice"], Path(root_, "tool_choice"), faults_, request_);
    read_conversation();
    read_thinking_and_format(body_, root_, faults_, request_);
    read_metadata();
    request_.service_tier = faults_.optional_string(body_, "service_tier", root_);
    read_rest();
  }

  void read_max_tokens() {
    const json::Value value = body_["max_tokens"];
    const Path path(root_, "max_tokens");
    if (!value.present()) return faults_.add(path, kRequired);
    request_.max_tokens = faults_.integer(value, path);
    // 0 is allowed: it warms the cache.
    if (request_.max_tokens < 0) faults_.add(path, "Input should be greater than or equal to 0");
  }

  // The numbers keep their spelling.
  std::string_view number(std::string_view name, double least, double most, std::string_view range) {
    const json::Value value = body_[name];
    if (!value.has_value()) return {};
    const Path path(root_, name);
    const auto read = value.number();
    if (!read) {
      faults_.add(path, "Input should be a valid number");
    } else if (*read < least || *read > most) {
      faults_.add(path, range);
    }
    return value.raw();
  }

  void read_sampling() {
    chat::Sampling& sampling = request_.sampling;
    sampling.temperature = number("temperature", 0, 1, "range: 0..1");
    sampling.top_p = number("top_p", 0, 1, "range: 0..1");
    if (const json::Value top_k = body_["top_k"]; top_k.has_value()) {
      const Path path(root_, "top_k");
      if (faults_.integer(top_k, path).value_or(0) < 0)
        faults_.add(path, "Input should be greater than or equal to 0");
      sampling.top_k = top_k.raw();
    }
    const json::Value stop = body_["stop_sequences"];
    const Path path(root_, "stop_sequences");
    if (stop.has_value() && !stop.is_array()) faults_.add(path, "Input should be a valid list");
    std::size_t index = 0;
    for (const json::Value one : stop) {
      const Path at(path, index++);
      if (!one.is_string()) faults_.add(at, "Input should be a valid string");
      sampling.stop.push_back(one.string_or(""));
    }
  }

  void read_conversation() {
    DoorMessages messages(faults_, warnings_, request_);
    const Path path(root_, "messages");
    if (body_["messages"].present()) {
      messages.read_messages(body_["messages"], path);
    } else {
      faults_.add(path, kRequired);
    }
    messages.read_system(body_["system"], Path(root_, "system"));
  }

  void read_metadata() {
    const json::Value metadata = body_["metadata"];
    const Path path(root_, "metadata");
    if (!metadata.has_value()) return;
    if (!metadata.is_object()) return faults_.add(path, kNotAnObject);
    request_.user = faults_.optional_string(metadata, "user_id", path);
    for (const json::Value member : metadata) {
      if (member.key() == "user_id" || !member.has_value()) continue;
      leave_out(Path(path, member.key()), "Anthropic's metadata hold only user_id");
    }
  }

  void read_rest() {
    for (const json::Value member : body_) {
      const std::string_view name = member.key();
      if (!member.has_value() || among(kRead, name)) continue;
      if (among(kForeign, name)) {
        leave_out(Path(root_, name), "Anthropic's API has no such parameter");
      } else {
        request_.extra.emplace_back(name, member.raw());
      }
    }
  }

  void leave_out(const Path& path, std::string_view why) {
    warnings_.add(path.ours().append(": ").append(why).append("; it was left out."));
  }

  const json::Value& body_;
  chat::Warnings& warnings_;
  Faults faults_;
  const Path root_;
  chat::Request request_;
};

}  // namespace

Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings) {
  return RequestReader(body, warnings).read();
}

}  // namespace ai_proxy::dialects::anthropic_messages
