// The events of a streamed answer (contract: docs/api.md). Runs once per token: nothing is allocated but what
// the text itself needs.
#include <string>

#include "base/ascii.h"
#include "dialects/native/answer.h"
#include "dialects/native/native.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::native {
namespace {

void append_tool_call_begin(std::string& out, const chat::Delta& delta) {
  out.append(
      "event: chunk\n"
      R"(data: {"tool_calls":[{"index":)");
  append_integer(out, delta.tool_index);
  out.append(R"(,"id":)");
  append_json_string(out, delta.tool_id);
  out.append(R"(,"type":"function","function":{"name":)");
  append_json_string(out, delta.tool_name);
  out.append(R"(,"arguments":""}}],"role":"assistant"})"
             "\n\n");
}

void append_tool_call_arguments(std::string& out, const chat::Delta& delta) {
  out.append(
      "event: chunk\n"
      R"(data: {"tool_calls":[{"index":)");
  append_integer(out, delta.tool_index);
  out.append(R"(,"function":{"arguments":)");
  append_json_string(out, delta.text);
  out.append(R"(}}],"role":"assistant"})"
             "\n\n");
}

}  // namespace

void render_chunk(std::string& out, const chat::Delta& delta) {
  switch (delta.kind) {
    case chat::Delta::Kind::text:
    case chat::Delta::Kind::refusal:
      if (delta.text.empty()) return;
      out.append(
          "event: chunk\n"
          R"(data: {"content":)");
      append_json_string(out, delta.text);
      out.append(R"(,"role":"assistant"})"
                 "\n\n");
      return;
    case chat::Delta::Kind::tool_call_begin:
      append_tool_call_begin(out, delta);
      return;
    case chat::Delta::Kind::tool_call_arguments:
      if (!delta.text.empty()) append_tool_call_arguments(out, delta);
      return;
    case chat::Delta::Kind::started:
    case chat::Delta::Kind::thinking:
    case chat::Delta::Kind::thinking_signature:
    case chat::Delta::Kind::opaque:
    case chat::Delta::Kind::finished:
      return;
  }
}

void render_done(std::string& out, const DoneView& view) {
  out.append(
         "event: done\n"
         R"(data: {"finish_reason":")")
      .append(chat::word(view.finish_reason))
      .append(R"(",)");
  append_usage_and_cost(out, view.usage, view.cost, false);
  out.append(R"(,"latency_ms":)");
  append_integer(out, view.latency_ms);
  append_warnings(out, view.warnings, !view.usage);
  out.append("}\n\n");
}

}  // namespace ai_proxy::dialects::native
