// What the judges of OpenAI's two chat APIs share: wordings, and what each family of models takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "simulator/refusal.h"
#include "simulator/strict.h"

namespace ai_proxy::simulator {

using Verdict = std::optional<Refusal>;

// 400 invalid_request_error; empty `param` and `code` become null.
inline Verdict invalid(std::string_view message, std::string_view param, std::string_view code) {
  return openai_refusal(400, "invalid_request_error", message, param, code);
}

Verdict unrecognized(std::string_view member);
Verdict missing(const std::string& path);
// `allowed` is a list in words: "'auto' and 'none'".
Verdict not_one_of(const std::string& path, const json::Value& value, std::string_view allowed);

// The name of a tool, or of a call of one; `path` is where it stands.
Verdict judge_function_name(const json::Value& function, const std::string& path);
// name, description, parameters, strict.
Verdict judge_function(const json::Value& function, const std::string& path);
// Strict schemas: objects are closed and every property is required.
Verdict judge_strict_schema(const json::Value& schema, const std::string& of, std::string_view param);

// Families of models (wire.md 2.3).
bool is_reasoner(std::string_view model);
std::string_view default_effort(std::string_view model);
bool refuses_stop(std::string_view model);
bool refuses_tools_with_effort(std::string_view model);
Verdict tools_with_effort(std::string_view model);
Verdict judge_effort(const json::Value& effort, std::string_view model, std::string_view path);

}  // namespace ai_proxy::simulator
