// From a request in any of the four shapes to the simulated answer.
#include <algorithm>

#include "simulator/sample.h"
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

constexpr std::size_t kQuotedBytesMax = 200;

// All text of a content member: a string, or an array of parts.
void append_text(std::string& out, const json::Value& content) {
  if (const auto text = content.string()) out.append(*text);
  for (const json::Value part : content) {
    if (part.is_object()) append_text(out, part["text"]);
  }
}

// The turns of a request: `messages`, or the items of a Responses `input` (which may be a plain string).
json::Value turns_of(const json::Value& request) {
  return request["messages"].present() ? request["messages"] : request["input"];
}

// What is said of the request before it is answered.
struct Question {
  std::string text;                  // of the last user turn that has any
  std::vector<std::string> results;  // of tools, when they end the conversation
  int images = 0;
};

void read_user_content(Question& question, const json::Value& content) {
  std::string text;
  append_text(text, content);
  if (!text.empty()) question.text = std::move(text);
  for (const json::Value part : content) {
    const std::string_view type = part["type"].string_or({});
    if (type == "image_url" || type == "image" || type == "input_image") ++question.images;
    if (type != "tool_result") continue;
    std::string result;
    append_text(result, part["content"]);
    question.results.push_back(std::move(result));
  }
}

Question read_question(const json::Value& request) {
  Question question;
  const json::Value turns = turns_of(request);
  append_text(question.text, turns.is_string() ? turns : json::Value());
  for (const json::Value turn : turns) {
    const std::string_view role = turn["role"].string_or({});
    const bool output = turn["type"].string_or({}) == "function_call_output";
    if (role == "tool" || output) {
      std::string result;
      append_text(result, turn[output ? "output" : "content"]);
      question.results.push_back(std::move(result));
      continue;
    }
    if (!role.empty() || turn["type"].string_or({}) == "function_call") question.results.clear();
    if (role == "user") read_user_content(question, turn["content"]);
  }
  return question;
}

std::string_view tool_name(const json::Value& tool) {
  return tool["function"]["name"].string().value_or(tool["name"].string_or({}));
}

json::Value tool_schema(const json::Value& tool) {
  if (tool["function"].present()) return tool["function"]["parameters"];
  return tool["input_schema"].present() ? tool["input_schema"] : tool["parameters"];
}

json::Value find_tool(const json::Value& request, std::string_view name) {
  for (const json::Value tool : request["tools"]) {
    if (tool_name(tool) == name && !name.empty()) return tool;
  }
  return {};
}

// The request's tool_choice, whichever way it is written: none, auto, required, or the name of a tool.
struct Choice {
  bool none = false;
  bool forced = false;
  std::string_view name;
};

Choice read_choice(const json::Value& request) {
  const json::Value choice = request["tool_choice"];
  const std::string_view word = choice.string().value_or(choice["type"].string_or({}));
  Choice read;
  read.none = word == "none";
  read.name = choice["function"]["name"].string().value_or(choice["name"].string_or({}));
  read.forced = word == "any" || word == "required" || !read.name.empty();
  return read;
}

std::string arguments_for(const json::Value& schema) {
  return schema.is_object() ? sample_of(schema, false, "sample") : "{}";
}

std::vector<ToolCall> choose_calls(const json::Value& request, const Directives& directives) {
  const Choice choice = read_choice(request);
  std::vector<ToolCall> calls;
  if (choice.none) return calls;
  for (const ToolCall& wanted : directives.calls) {
    const json::Value tool = find_tool(request, wanted.name);
    if (!tool.present() || (!choice.name.empty() && choice.name != wanted.name)) continue;
    calls.push_back(wanted);
    if (wanted.arguments.empty()) calls.back().arguments = arguments_for(tool_schema(tool));
  }
  const bool text_is_wanted = !directives.say.empty() || directives.json || !directives.stop_word.empty();
  if (calls.empty() && (choice.forced || !text_is_wanted)) {
    const json::Value tool = choice.name.empty() ? request["tools"][0] : find_tool(request, choice.name);
    if (!tool_name(tool).empty())
      calls.push_back({std::string(tool_name(tool)), arguments_for(tool_schema(tool))});
  }
  const bool one_only = !request["parallel_tool_calls"].boolean_or(true) ||
                        request["tool_choice"]["disable_parallel_tool_use"].boolean_or(false);
  if (one_only && calls.size() > 1) calls.resize(1);
  return calls;
}

bool wants_thinking(Flavour flavour, const json::Value& request, std::string_view model) {
  if (flavour == Flavour::anthropic) {
    const std::string_view type = request["thinking"]["type"].string_or({});
    return type == "enabled" || type == "adaptive";
  }
  const std::string_view effort =
      request["reasoning_effort"].string().value_or(request["reasoning"]["effort"].string_or({}));
  if (!effort.empty()) return effort != "none";
  if (flavour == Flavour::mistral) return model.starts_with("magistral");
  return model.starts_with("o1") || model.starts_with("o3") || model.starts_with("o4") ||
         (model.starts_with("gpt-5") && !model.starts_with("gpt-5."));
}

// Shortens to at most this many bytes without cutting a UTF-8 character.
void shorten(std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  text.resize(bytes_max);
}

json::Value answer_schema(const json::Value& request) {
  for (const json::Value format : {request["response_format"]["json_schema"],
                                   request["output_config"]["format"], request["text"]["format"]}) {
    if (format["schema"].is_object()) return format["schema"];
    // Mistral's SDK calls it so.
    if (format["schema_definition"].is_object()) return format["schema_definition"];
  }
  return request["output_format"]["schema"];
}

std::string greeting(Flavour flavour, const std::string& model, const Question& question,
                     const Directives& directives) {
  constexpr std::string_view kNames[] = {"OpenAI", "Anthropic", "Mistral"};
  std::string text;
  if (question.images > 0)
    text.append("I see ").append(std::to_string(question.images)).append(" image(s). ");
  text.append("Hello from the simulated ").append(kNames[static_cast<std::size_t>(flavour)]);
  text.append(" provider (").append(model).append("). ");
  std::string quoted = directives.rest;
  shorten(quoted, kQuotedBytesMax);
  if (!quoted.empty()) text.append("You wrote: “").append(quoted).append("”. ");
  return text.append("Set a real API key to talk to the real one. 🙂");
}

std::string text_for(Flavour flavour, const Answer& answer, const Question& question, int reply_bytes) {
  const Directives& directives = answer.directives;
  if (directives.json) {
    const json::Value schema = answer_schema(answer.request);
    return schema.is_object() ? sample_of(schema, true, "text") : R"({"answer":"text"})";
  }
  if (!directives.say.empty()) return directives.say;
  if (!directives.stop_word.empty()) return "One, two, " + directives.stop_word + ", four.";
  std::string text;
  for (const std::string& result : question.results)
    text.append(text.empty() ? "The tools answered: “" : "”, “").append(result);
  text = text.empty() ? greeting(flavour, answer.model, question, directives) : text.append("”.");
  if (reply_bytes > 0) {
    const std::string sentence = text + " ";
    while (text.size() < static_cast<std::size_t>(reply_bytes)) text.append(" ").append(sentence);
    shorten(text, static_cast<std::size_t>(reply_bytes));
  }
  return text;
}

void stop_at(Answer& answer, const json::Value& word) {
  const std::string_view sequence = word.string_or({});
  const std::size_t at = sequence.empty() ? std::string::npos : answer.text.find(sequence);
  if (at == std::string::npos) return;
  answer.text.resize(at);
  answer.stop_sequence = sequence;
}

void apply_stop_sequences(Answer& answer) {
  for (const std::string_view name : {"stop", "stop_sequences"}) {
    stop_at(answer, answer.request[name]);
    for (const json::Value word : answer.request[name]) stop_at(answer, word);
  }
}

void apply_limit(Answer& answer) {
  const json::Value& request = answer.request;
  std::int64_t limit = 0;
  for (const std::string_view name : {"max_completion_tokens", "max_tokens", "max_output_tokens"})
    limit = std::max(limit, request[name].integer_or(0));
  if (answer.directives.length) limit = std::max<std::int64_t>(1, answer.output_tokens / 2);
  if (limit <= 0 || answer.output_tokens <= limit) return;
  answer.cut = true;
  answer.stop_sequence.clear();
  answer.output_tokens = limit;
  answer.thinking_tokens = std::min(answer.thinking_tokens, limit);
  shorten(answer.text, static_cast<std::size_t>(limit) * 4);
}

std::int64_t count_input(const json::Value& request) {
  std::string input;
  for (const std::string_view name : {"system", "instructions"}) append_text(input, request[name]);
  const json::Value turns = turns_of(request);
  append_text(input, turns.is_string() ? turns : json::Value());
  for (const json::Value turn : turns) append_text(input, turn["content"]);
  const std::int64_t count = turns.is_string() ? 1 : static_cast<std::int64_t>(turns.size());
  return tokens_of(input.size() + request["tools"].raw().size()) + count * 3;
}

}  // namespace

std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037ull;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return value;
}

std::int64_t tokens_of(std::size_t bytes) {
  return static_cast<std::int64_t>(bytes / 4 + 1);
}

Answer make_answer(Flavour flavour, const json::Value& request, int reply_bytes) {
  const Question question = read_question(request);
  Answer answer;
  answer.request = request;
  answer.directives = read_directives(question.text);
  answer.model = request["model"].string_or("unnamed");
  answer.stream = request["stream"].boolean_or(false);
  answer.stream_usage = request["stream_options"]["include_usage"].boolean_or(false);
  answer.seed = hash(request.raw());
  answer.input_tokens = count_input(request);
  if (!answer.directives.thinking.empty() && wants_thinking(flavour, request, answer.model)) {
    answer.thinking = answer.directives.thinking;
    answer.thinking_tokens = tokens_of(answer.thinking.size());
  }
  if (question.results.empty()) answer.tool_calls = choose_calls(request, answer.directives);
  if (answer.tool_calls.empty()) {
    answer.text = text_for(flavour, answer, question, reply_bytes);
    apply_stop_sequences(answer);
  } else {
    answer.text = answer.directives.say;
  }
  std::size_t bytes = answer.text.size();
  for (const ToolCall& call : answer.tool_calls) bytes += call.name.size() + call.arguments.size();
  answer.output_tokens = tokens_of(bytes) + answer.thinking_tokens;
  if (answer.tool_calls.empty()) apply_limit(answer);
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
