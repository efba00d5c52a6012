// A request on its way to a provider of its own dialect: the caller's bytes, cut and joined at the offsets of
// the values that must change (door_request.h).
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dialects/chat_completions/door_request.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

struct Splice {
  std::size_t begin = 0;  // in the body's text
  std::size_t end = 0;    // == begin: nothing is taken out
  std::string text;
};

std::size_t offset_of(const json::Value& value, const json::Value& body) {
  return static_cast<std::size_t>(value.raw().data() - body.raw().data());
}

Splice in_place_of(const json::Value& value, const json::Value& body, std::string text) {
  const std::size_t begin = offset_of(value, body);
  return {begin, begin + value.raw().size(), std::move(text)};
}

// Requires: the body has a member `stream`.
Splice usage_asked(const json::Value& body) {
  const json::Value options = body["stream_options"];
  if (!options.present()) {
    const std::size_t behind = offset_of(body["stream"], body) + body["stream"].raw().size();
    return {behind, behind, R"(,"stream_options":{"include_usage":true})"};
  }
  if (!options.is_object()) return in_place_of(options, body, R"({"include_usage":true})");
  const json::Value asked = options["include_usage"];
  if (asked.present()) return in_place_of(asked, body, "true");
  const std::size_t inside = offset_of(options, body) + 1;
  return {inside, inside, options.empty() ? R"("include_usage":true)" : R"("include_usage":true,)"};
}

}  // namespace

std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model,
                                        bool ask_for_usage) {
  std::vector<Splice> splices;
  const json::Value model = body["model"];
  if (model.present() && model.string() != wire_model) {
    std::string name;
    native::append_json_string(name, wire_model);
    splices.push_back(in_place_of(model, body, std::move(name)));
  }
  if (ask_for_usage && body["stream"].present() &&
      body["stream_options"]["include_usage"].boolean() != true) {
    splices.push_back(usage_asked(body));
  }
  if (splices.empty()) return std::nullopt;
  std::ranges::sort(splices, {}, &Splice::begin);

  const std::string_view text = body.raw();
  std::string out;
  out.reserve(text.size() + 128);
  std::size_t at = 0;
  for (const Splice& splice : splices) {
    out.append(text.substr(at, splice.begin - at)).append(splice.text);
    at = splice.end;
  }
  return out.append(text.substr(at));
}

}  // namespace ai_proxy::dialects::chat_completions
