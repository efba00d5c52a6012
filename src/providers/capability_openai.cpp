// What OpenAI's models accept on /v1/chat/completions. Marks: [R] recorded traffic, [D] OpenAI's
// documentation, [I] reports by users with the provider's own words (all up to 2026-10), [?] inferred from
// the model before it. Sources: wire.md 2.3; default efforts are those the Responses API echoes [R].
#include <array>

#include "providers/capability.h"

namespace ai_proxy::providers {
namespace {

using chat::SystemRole;
using chat::ThinkingStyle;

// Three kinds of models. Each row below is one of them, and what is different about it.

// Does not think: takes everything but an effort.
constexpr Capability plain(std::string_view family) {
  return {.family = family};
}

// Always thinks: no samplers, no penalties, no stop.
constexpr Capability thinker(std::string_view family, std::string_view efforts,
                             std::string_view default_effort = "medium") {
  return {.family = family,
          .system_role = SystemRole::developer,
          .thinking = ThinkingStyle::effort,
          .efforts = efforts,
          .default_effort = default_effort,
          .samplers = false,
          .stop = false,
          .penalties = false};
}

// Thinks or not, as asked: samplers go with effort "none" alone.
constexpr Capability chooser(std::string_view family, std::string_view efforts,
                             std::string_view default_effort) {
  Capability row = thinker(family, efforts, default_effort);
  row.samplers = row.penalties = true;
  row.samplers_without_effort = true;
  row.stop = default_effort == "none";
  return row;
}

constexpr Capability takes_stop(Capability row) {
  row.stop = true;
  return row;
}
constexpr Capability no_images(Capability row) {
  row.images = false;
  return row;
}
constexpr Capability no_schema(Capability row) {
  row.json_schema = false;
  return row;
}
constexpr Capability no_parallel_tools(Capability row) {
  row.parallel_tool_calls = false;
  return row;
}
// Function tools need effort "none" on this endpoint.
constexpr Capability tools_without_effort(Capability row) {
  row.tools_with_effort = false;
  return row;
}
// Refuses temperature and penalties, calls no functions.
constexpr Capability searcher(std::string_view family) {
  Capability row = no_parallel_tools(plain(family));
  row.samplers = row.penalties = false;
  return row;
}
// Takes neither system nor developer messages [R], and hardly anything else.
constexpr Capability first_thinker(std::string_view family) {
  Capability row = no_parallel_tools(no_schema(no_images(plain(family))));
  row.system_role = SystemRole::user;
  row.samplers = row.penalties = row.stop = false;
  return row;
}

constexpr std::array kRows = std::to_array<Capability>({
    // o-series. parallel_tool_calls is refused by all of them [I]; o3-mini takes stop [R], o3 and o4-mini do
    // not [D].
    takes_stop(no_parallel_tools(thinker("o1", "low medium high"))),
    first_thinker("o1-mini"),
    first_thinker("o1-preview"),
    no_parallel_tools(thinker("o3", "low medium high")),
    takes_stop(no_images(no_parallel_tools(thinker("o3-mini", "low medium high")))),
    no_parallel_tools(thinker("o4-mini", "low medium high")),
    no_parallel_tools(thinker("codex-mini", "low medium high")),
    thinker("computer-use-preview", "medium"),

    // gpt-5: minimal instead of none; temperature 1 only, no stop [R].
    thinker("gpt-5", "minimal low medium high"),
    thinker("gpt-5-pro", "high", "high"),
    thinker("gpt-5-codex", "low medium high"),
    plain("gpt-5-chat"),  // samplers as gpt-4o [I]
    searcher("gpt-5-search-api"),

    // From gpt-5.1 on there is "none", in force when nothing is said up to 5.4 [R].
    chooser("gpt-5.1", "none low medium high", "none"),
    thinker("gpt-5.1-codex", "low medium high"),
    chooser("gpt-5.1-codex-max", "none low medium high xhigh", "medium"),
    chooser("gpt-5.2", "none low medium high xhigh", "none"),
    thinker("gpt-5.2-pro", "medium high xhigh"),
    thinker("gpt-5.2-codex", "low medium high xhigh"),
    thinker("gpt-5.3-codex", "low medium high xhigh"),
    // The models of the ChatGPT app: one effort, temperature 1 [I].
    thinker("gpt-5.1-chat", "medium"),
    thinker("gpt-5.2-chat", "medium"),
    thinker("gpt-5.3-chat", "medium"),
    thinker("chat-latest", "medium"),

    // From gpt-5.4 on tools and effort exclude each other here [I: 400, param reasoning_effort, "Function
    // tools with
    // reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions"].
    tools_without_effort(chooser("gpt-5.4", "none low medium high xhigh", "none")),
    tools_without_effort(thinker("gpt-5.4-pro", "medium high xhigh")),
    // From gpt-5.5 on "medium" is in force when nothing is said [R].
    tools_without_effort(chooser("gpt-5.5", "none low medium high xhigh", "medium")),
    tools_without_effort(thinker("gpt-5.5-pro", "medium high xhigh")),
    // "max" is for the Responses API alone [I: the list in this endpoint's 400 ends with xhigh].
    tools_without_effort(chooser("gpt-5.6", "none low medium high xhigh", "medium")),
    tools_without_effort(chooser("gpt-5.*", "", "medium")),  // [?]

    tools_without_effort(chooser("gpt-6*", "none low medium high xhigh", "medium")),
    // No "none": temperature, top_p and stop are refused, always [D, I].
    tools_without_effort(thinker("gpt-6-astra", "low medium high xhigh")),
    tools_without_effort(thinker("gpt-6.1-sol", "low medium high xhigh")),
    tools_without_effort(thinker("gpt-6.2*", "low medium high xhigh")),  // [?] as the two before

    // Models that do not think. Structured output begins with gpt-4o-2024-08-06, vision with gpt-4-turbo.
    plain("gpt-4.1"),
    plain("gpt-4.5-preview"),
    plain("gpt-4o"),
    no_schema(plain("gpt-4o-2024-05-13")),
    no_schema(plain("chatgpt-4o")),
    searcher("gpt-4o-search-preview"),
    searcher("gpt-4o-mini-search-preview"),
    no_schema(no_images(plain("gpt-4o-audio-preview"))),
    no_schema(no_images(plain("gpt-4o-mini-audio-preview"))),
    no_schema(no_images(plain("gpt-audio"))),
    no_schema(plain("gpt-4-turbo")),
    no_schema(no_images(plain("gpt-4-turbo-preview"))),
    no_schema(plain("gpt-4-vision-preview")),
    no_schema(plain("gpt-4-1106-vision-preview")),
    no_schema(no_images(plain("gpt-4"))),
    no_schema(no_images(plain("gpt-3.5-turbo"))),
});

}  // namespace

const std::span<const Capability> kOpenAiCapabilities = kRows;

}  // namespace ai_proxy::providers
