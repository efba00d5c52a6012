// From a request in any of the three shapes to the simulated answer.
#include <algorithm>

#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

// FNV-1a: ids that depend on the request only.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037ull;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return value;
}

// All text of a content member: a string, or an array of parts.
void append_text(std::string& out, const json::Value& content) {
  if (const auto text = content.string()) out.append(*text);
  for (const json::Value part : content) {
    if (part.is_object()) append_text(out, part["text"]);
  }
}

std::int64_t tokens_of(std::size_t bytes) {
  return static_cast<std::int64_t>(bytes / 4 + 1);
}

std::string_view first_tool_name(const json::Value& request) {
  const json::Value tool = request["tools"][0];
  return tool["function"]["name"].string().value_or(tool["name"].string_or({}));
}

// The minimum of arguments that a JSON schema asks for.
std::string arguments_for(const json::Value& schema) {
  std::string out = "{";
  for (const json::Value name : schema["required"]) {
    const std::string_view type = schema["properties"][name.string_or({})]["type"].string_or("string");
    if (out.size() > 1) out.push_back(',');
    out.append(name.raw()).push_back(':');
    if (type == "integer" || type == "number") {
      out.append("1");
    } else if (type == "boolean") {
      out.append("true");
    } else if (type == "array") {
      out.append("[]");
    } else if (type == "object") {
      out.append("{}");
    } else {
      out.append("\"sample\"");
    }
  }
  return out.append("}");
}

// Shortens to at most this many bytes without cutting a UTF-8 character.
void shorten(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  text.resize(bytes_max);
}

bool last_turn_is_tool_result(const json::Value& request) {
  const json::Value messages = request["messages"];
  if (messages.empty()) return false;
  const json::Value last = messages[messages.size() - 1];
  return last["role"].string_or({}) == "tool" || last["content"][0]["type"].string_or({}) == "tool_result";
}

std::string text_for(Flavour flavour, const json::Value& request, const Answer& answer, int reply_bytes) {
  constexpr std::string_view kNames[] = {"OpenAI", "Anthropic", "Mistral"};
  std::string question;
  for (const json::Value message : request["messages"]) {
    if (message["role"].string_or({}) != "user") continue;
    question.clear();
    append_text(question, message["content"]);
  }
  shorten(question, 200);
  std::string text = "Hello from the simulated ";
  text.append(kNames[static_cast<std::size_t>(flavour)])
      .append(" provider (")
      .append(answer.model)
      .append("). ");
  if (!question.empty()) text.append("You wrote: “").append(question).append("”. ");
  text.append("Set a real API key to talk to the real one. 🙂");
  if (reply_bytes > 0) {
    const std::string sentence = text + " ";
    while (text.size() < static_cast<std::size_t>(reply_bytes)) text.append(" ").append(sentence);
    shorten(text, static_cast<std::size_t>(reply_bytes));
  }
  return text;
}

}  // namespace

Answer make_answer(Flavour flavour, const json::Value& request, int reply_bytes) {
  Answer answer;
  answer.model = request["model"].string_or("unnamed");
  answer.stream = request["stream"].boolean_or(false);
  answer.stream_usage = request["stream_options"]["include_usage"].boolean_or(false);
  answer.seed = hash(request.raw());

  std::string input;
  append_text(input, request["system"]);
  for (const json::Value message : request["messages"]) append_text(input, message["content"]);
  answer.input_tokens = tokens_of(input.size() + request["tools"].raw().size()) +
                        static_cast<std::int64_t>(request["messages"].size()) * 3;

  const json::Value choice = request["tool_choice"];
  const bool tools_off = choice.string_or({}) == "none" || choice["type"].string_or({}) == "none";
  if (const std::string_view tool = first_tool_name(request);
      !tool.empty() && !tools_off && !last_turn_is_tool_result(request)) {
    const json::Value function = request["tools"][0]["function"];
    answer.tool_name = tool;
    answer.tool_arguments =
        arguments_for(function.present() ? function["parameters"] : request["tools"][0]["input_schema"]);
    answer.output_tokens = tokens_of(answer.tool_name.size() + answer.tool_arguments.size());
    return answer;
  }
  answer.text = text_for(flavour, request, answer, reply_bytes);
  answer.output_tokens = tokens_of(answer.text.size());
  const std::int64_t limit =
      request["max_completion_tokens"].integer().value_or(request["max_tokens"].integer_or(0));
  if (limit > 0 && answer.output_tokens > limit) {
    answer.cut = true;
    answer.output_tokens = limit;
    shorten(answer.text, static_cast<std::size_t>(limit) * 4);
  }
  return answer;
}

std::vector<std::string_view> split_text(std::string_view text, int chunks) {
  std::vector<std::string_view> pieces;
  const std::size_t step =
      chunks > 0 ? std::max<std::size_t>(1, text.size() / static_cast<std::size_t>(chunks)) : 0;
  while (!text.empty()) {
    std::size_t end = text.size();
    if (step == 0) {
      end = std::min(text.size(), text.find(' ', 1));
    } else if (pieces.size() + 1 < static_cast<std::size_t>(chunks)) {
      end = std::min(text.size(), step);
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    }
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return pieces;
}

}  // namespace ai_proxy::simulator
