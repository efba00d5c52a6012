// For tests: one body through parse_request, and what came of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "chat/warnings.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects::native {

class RequestUnderTest {
 public:
  explicit RequestUnderTest(std::string body, bool stream_in_query = false) : body_(std::move(body)) {
    const auto fault = document_.parse(body_);
    const auto has_slash = [](std::string_view model) { return model.contains('/'); };
    if (fault) {
      outcome_.failure_body = malformed_json_body(*fault, kProviders);
    } else {
      outcome_ = parse_request(document_.root(), kProviders, has_slash, stream_in_query, warnings_);
    }
    if (!accepted()) failure_.parse(outcome_.failure_body);
  }

  bool accepted() const { return outcome_.parsed.has_value(); }
  const chat::Request& request() const { return outcome_.parsed.value().request; }
  const chat::Message& message(std::size_t i) const { return request().messages.at(i); }
  const chat::Part& part(std::size_t i) const { return request().messages.at(0).parts.at(i); }
  std::string_view provider() const { return outcome_.parsed.value().provider; }
  const std::string& failure_body() const { return outcome_.failure_body; }
  json::Value failure() const { return failure_.root(); }
  const std::vector<std::string>& warnings() const { return warnings_.list(); }

  // The messages at this place of details ("messages.0.role"; "" = root), joined by " / "; "" = none.
  std::string faults(std::string_view place) const {
    json::Value value = failure_.root()["details"];
    while (!place.empty()) {
      const std::size_t dot = place.find('.');
      value = value[place.substr(0, dot)];
      place.remove_prefix(dot == std::string_view::npos ? place.size() : dot + 1);
    }
    std::string joined;
    for (const json::Value message : value["_errors"]) {
      joined.append(joined.empty() ? "" : " / ").append(message.string_or("?"));
    }
    return joined;
  }
  std::string details() const { return std::string(failure_.root()["details"].raw()); }

  static inline const std::vector<std::string_view> kProviders{"openai", "anthropic", "mistral"};

 private:
  std::string body_;
  json::Document document_;
  json::Document failure_;
  chat::Warnings warnings_;
  ParseOutcome outcome_;
};

// A good request with `members` (", \"seed\": 1") behind the usual three.
inline std::string with_members(std::string_view members) {
  std::string body = R"({"provider":"openai","model":"gpt-4o","messages":[{"role":"user","content":"hi"}])";
  if (!members.empty()) body.append(",").append(members);
  return body.append("}");
}

// A good request but for these messages.
inline std::string with_messages(std::string_view messages) {
  return std::string(R"({"provider":"openai","model":"gpt-4o","messages":[)").append(messages).append("]}");
}

// A user's message whose content is these parts.
inline std::string with_parts(std::string_view parts) {
  return with_messages(std::string(R"({"role":"user","content":[)").append(parts).append("]}"));
}

}  // namespace ai_proxy::dialects::native
