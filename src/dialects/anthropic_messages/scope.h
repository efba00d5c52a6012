// What every part of rendering a request looks at, and the words for what it adapts.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "chat/conversation.h"
#include "chat/model_traits.h"
#include "chat/warnings.h"

namespace ai_proxy::dialects::anthropic_messages {

struct Scope {
  const chat::Request& request;
  std::string_view model;  // the wire's name
  const chat::ModelTraits& traits;
  chat::Warnings& warnings;

  // "seed: Anthropic has no such parameter; it was left out."
  void leave_out(std::string_view member, std::string_view why) const {
    adapt(member, std::string(why).append("; it was left out"));
  }
  // "temperature: Anthropic takes 0 to 1; 1 was used."
  void adapt(std::string_view member, std::string_view what) const {
    std::string sentence(member);
    warnings.add(sentence.append(": ").append(what).append("."));
  }
  // Raw JSON of a member that only Anthropic knows; empty when the request has none.
  std::string_view extra(std::string_view name) const {
    for (const auto& [key, raw] : request.extra) {
      if (key == name) return raw;
    }
    return {};
  }
};

// messages[3] and messages[3].content[1].
inline std::string path_of(std::size_t message) {
  return std::string("messages[").append(std::to_string(message)).append("]");
}
inline std::string path_of(std::size_t message, std::size_t part) {
  return path_of(message).append(".content[").append(std::to_string(part)).append("]");
}

// Raw JSON that says something: neither absent nor null.
inline bool says_something(std::string_view raw) {
  return !raw.empty() && raw != "null";
}

}  // namespace ai_proxy::dialects::anthropic_messages
