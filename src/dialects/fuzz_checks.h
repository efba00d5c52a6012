// For the fuzz targets of this folder: what a conversation can be led through, and what must hold of
// everything we write.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/fuzz_input.h"
#include "base/json.h"
#include "dialects/dialects.h"
#include "dialects/doors.h"
#include "http/sse_reader.h"

namespace ai_proxy::dialects::fuzz {

using fuzzing::require;

inline constexpr std::array<const Dialect*, 4> kChatDialects{&kOpenAiChat, &kAnthropicMessages, &kMistralChat,
                                                             &kOpenAiResponses};
inline constexpr std::array<const Door*, 4> kChatDoors{&kOpenAiChatDoor, &kAnthropicMessagesDoor,
                                                       &kMistralChatDoor, &kOpenAiResponsesDoor};

// What we write is JSON whose keys stand once each. (Numbers and depth may be a provider's.)
inline constexpr json::Limits kWritten{.depth_max = 1000,
                                       .keys_per_object_max = 1'000'000,
                                       .number_length_max = 4096,
                                       .refuse_duplicate_keys = true};

// The provider's own text, or a part of it, has a key twice in an object: what we hand on as it came has it
// too. False again for each input.
inline bool provider_repeats = false;

inline void note_repeats(std::string_view provider_text) {
  json::Limits limits = kWritten;
  limits.refuse_duplicate_keys = false;
  json::Document document;
  provider_repeats =
      provider_repeats || (!document.parse(provider_text, limits) && document.parse(provider_text, kWritten));
}

inline void require_json(std::string_view text, std::string_view what) {
  json::Limits limits = kWritten;
  limits.refuse_duplicate_keys = !provider_repeats;
  json::Document document;
  const auto fault = document.parse(text, limits);
  if (fault) std::fprintf(stderr, "%s\n", fault->message.c_str());
  require(!fault, what, text);
}

// A stream of ours: whole events of JSON data. Calls `sink` with each; the end mark of some dialects, [DONE],
// must be the last.
template <class Sink>
void require_events(std::string_view stream, Sink sink) {
  http::SseReader reader(SIZE_MAX / 4);
  bool done = false;
  const bool good = reader.feed(stream, [&](const http::SseReader::Event& event) {
    require(!done, "nothing follows the end mark", stream);
    done = event.data == "[DONE]";
    if (!done) require_json(event.data, "a stream's data is JSON");
    sink(event);
    return true;
  });
  require(good && reader.buffered() == 0 && (stream.empty() || stream.ends_with("\n\n")),
          "a stream is whole events", stream);
}

}  // namespace ai_proxy::dialects::fuzz
