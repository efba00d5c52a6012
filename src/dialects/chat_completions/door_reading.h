// Reads a caller's request value by value: each verb hands the value out or notes what is wrong with it. The
// first fault wins, and reading goes on, so that readers need no branches. Wording: OpenAI's own.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "chat/conversation.h"
#include "chat/warnings.h"
#include "dialects/native/faults.h"

namespace ai_proxy::dialects::chat_completions {

using native::Path;

class Reading {
 public:
  Reading(std::string_view dialect, chat::Request& request, chat::Warnings& warnings)
      : dialect_(dialect), request_(request), warnings_(warnings) {}

  std::string_view dialect() const { return dialect_; }
  chat::Request& request() { return request_; }

  void fault(const Path& path, std::string message);
  void missing(const Path& path);
  // "expected a string, but got an integer instead"
  void wrong_type(const json::Value& value, const Path& path, std::string_view expected);
  void wrong_word(std::string_view word, const Path& path, std::initializer_list<std::string_view> words);
  // "messages[2].audio: <sentence>"
  void warn(const Path& path, std::string_view sentence);
  const std::optional<Error>& first_fault() const { return fault_; }

  // Absent and null say nothing: nullopt, or an absent value. So does what is wrong, once that was noted.
  std::optional<std::string_view> text(const json::Value& value, const Path& path);
  std::optional<std::string_view> needed_text(const json::Value& value, const Path& path);
  std::optional<bool> truth(const json::Value& value, const Path& path);
  std::optional<std::int64_t> integer(const json::Value& value, const Path& path);
  std::string_view number(const json::Value& value, const Path& path);  // its spelling; empty = none
  json::Value object(const json::Value& value, const Path& path);
  json::Value needed_object(const json::Value& value, const Path& path);
  json::Value array(const json::Value& value, const Path& path);

 private:
  std::string_view dialect_;
  chat::Request& request_;
  chat::Warnings& warnings_;
  std::optional<Error> fault_;
};

// "an integer", "a string" …: what stands there, as OpenAI's faults put it.
std::string_view kind_of(const json::Value& value);

}  // namespace ai_proxy::dialects::chat_completions
