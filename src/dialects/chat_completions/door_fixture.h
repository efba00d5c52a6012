// For tests: a body at a door, as the gateway would hand it over, and what a stream's events hold.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "dialects/doors.h"

namespace ai_proxy::dialects::chat_completions::fixture {

class AtDoor {
 public:
  explicit AtDoor(std::string body, const Door& door = kOpenAiChatDoor)
      : body_(std::move(body)), door_(door) {
    const auto fault = document_.parse(body_);
    EXPECT_FALSE(fault) << body_;
    parsed_ = door.parse_request(document_.root(), warnings_);
  }

  json::Value body() const { return document_.root(); }
  // Ends the test's case when the request was refused.
  const chat::Request& request() const { return parsed_.value(); }
  const chat::Message& message(std::size_t i) const { return request().messages.at(i); }
  const chat::Part& part(std::size_t message_index, std::size_t i) const {
    return message(message_index).parts.at(i);
  }
  template <class T>
  const T& part_as(std::size_t message_index, std::size_t i) const {
    return std::get<T>(part(message_index, i).kind);
  }
  std::string_view extra(std::string_view name) const {
    for (const auto& [key, raw] : request().extra) {
      if (key == name) return raw;
    }
    return {};
  }
  // "parameter: message", or "" when it was taken.
  std::string fault() const {
    return parsed_ ? std::string() : parsed_.error().parameter + ": " + parsed_.error().message;
  }
  const std::vector<std::string>& warnings() const { return warnings_.list(); }

  Result<Glance> glance() const { return door_.glance(document_.root()); }
  std::string passed(std::string_view model) const {
    return door_.pass_through(document_.root(), model, glance().value())
        .value_or(std::string(document_.root().raw()));
  }

 private:
  std::string body_;
  const Door& door_;
  json::Document document_;
  chat::Warnings warnings_;
  Result<chat::Request> parsed_ = std::unexpected(Error{});
};

// A good request with these members (R"("seed":1)") besides.
inline std::string with_members(std::string_view members) {
  std::string body = R"({"model":"m","messages":[{"role":"user","content":"hi"}])";
  if (!members.empty()) body.append(",").append(members);
  return body.append("}");
}

inline std::string with_messages(std::string_view messages) {
  return std::string(R"({"model":"m","messages":[)").append(messages).append("]}");
}

inline std::string with_parts(std::string_view parts) {
  return with_messages(std::string(R"({"role":"user","content":[)").append(parts).append("]}"));
}

// The data of each event, in order; anything that is not one `data:` line and a blank one fails the test.
inline std::vector<std::string> events_of(std::string_view stream) {
  std::vector<std::string> events;
  while (!stream.empty()) {
    const std::size_t end = stream.find("\n\n");
    const std::string_view event = stream.substr(0, end);
    EXPECT_TRUE(event.starts_with("data: ")) << event;
    EXPECT_EQ(event.find('\n'), std::string_view::npos) << event;
    if (end == std::string_view::npos) {
      ADD_FAILURE() << "unfinished event: " << event;
      break;
    }
    events.emplace_back(event.substr(std::min<std::size_t>(6, event.size())));
    stream.remove_prefix(end + 2);
  }
  return events;
}

inline chat::Delta delta_of(chat::Delta::Kind kind, std::string_view text = {},
                            std::uint32_t tool_index = 0) {
  chat::Delta delta;
  delta.kind = kind;
  delta.text = text;
  delta.tool_index = tool_index;
  return delta;
}

inline chat::Delta call_begin(std::uint32_t index, std::string_view id, std::string_view name) {
  chat::Delta delta = delta_of(chat::Delta::Kind::tool_call_begin, {}, index);
  delta.tool_id = id;
  delta.tool_name = name;
  return delta;
}

}  // namespace ai_proxy::dialects::chat_completions::fixture
