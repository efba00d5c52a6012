// The items of an answer's output and the parts inside them (door_answer.h).
#include <array>
#include <string>

#include "base/ascii.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_responses/door_answer.h"

namespace ai_proxy::dialects::openai_responses {

using native::append_json_string;

void append_reasoning_item(std::string& out, std::string_view id, std::string_view text,
                           std::string_view sealed) {
  out.append(R"({"id":)");
  append_json_string(out, id);
  out.append(R"(,"type":"reasoning","summary":[)");
  if (!text.empty()) append_summary_part(out, text);
  out.push_back(']');
  if (!sealed.empty()) {
    out.append(R"(,"encrypted_content":)");
    append_json_string(out, sealed);
  }
  out.push_back('}');
}

void append_message_item(std::string& out, std::string_view id, std::string_view status,
                         std::string_view content) {
  out.append(R"({"id":)");
  append_json_string(out, id);
  out.append(R"(,"type":"message","status":")").append(status);
  out.append(R"(","content":[)").append(content).append(R"(],"role":"assistant"})");
}

void append_call_item(std::string& out, std::string_view id, std::string_view status,
                      std::string_view arguments, std::string_view call_id, std::string_view name) {
  out.append(R"({"id":)");
  append_json_string(out, id);
  out.append(R"(,"type":"function_call","status":")").append(status);
  out.append(R"(","arguments":)");
  append_json_string(out, arguments);
  out.append(R"(,"call_id":)");
  append_json_string(out, call_id);
  out.append(R"(,"name":)");
  append_json_string(out, name);
  out.push_back('}');
}

void append_text_part(std::string& out, std::string_view text, std::string_view annotations) {
  out.append(R"({"type":"output_text","annotations":[)").append(annotations);
  out.append(R"(],"logprobs":[],"text":)");
  append_json_string(out, text);
  out.push_back('}');
}

void append_refusal_part(std::string& out, std::string_view refusal) {
  out.append(R"({"type":"refusal","refusal":)");
  append_json_string(out, refusal);
  out.push_back('}');
}

void append_summary_part(std::string& out, std::string_view text) {
  out.append(R"({"type":"summary_text","text":)");
  append_json_string(out, text);
  out.push_back('}');
}

std::optional<std::string> annotation_of(std::string_view raw) {
  json::Document document;
  if (document.parse(raw, json::kProviderLimits)) return std::nullopt;
  const json::Value whole = document.root();
  if (whole["type"].string_or("") != "url_citation") return std::nullopt;
  const json::Value citation = whole["url_citation"].is_object() ? whole["url_citation"] : whole;
  if (!citation["url"].is_string()) return std::nullopt;
  std::string out = R"({"type":"url_citation","end_index":)";
  append_integer(out, citation["end_index"].integer_or(0));
  out.append(R"(,"start_index":)");
  append_integer(out, citation["start_index"].integer_or(0));
  out.append(R"(,"title":)");
  append_json_string(out, citation["title"].string_or(""));
  out.append(R"(,"url":)");
  append_json_string(out, citation["url"].string_or(""));
  return out.append("}");
}

}  // namespace ai_proxy::dialects::openai_responses
