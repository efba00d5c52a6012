// What a simulated provider says, in the four wire formats. Pure: a parsed request in, bytes out. Shapes
// follow the providers' own (recorded) answers: member order, usage, ids of the right length.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_writer.h"
#include "simulator/directives.h"
#include "simulator/simulator.h"

namespace ai_proxy::simulator {

enum class Format : std::uint8_t { openai_chat, anthropic_messages, mistral_chat, openai_responses };

// The answer to one request, before it takes a wire format.
struct Answer {
  std::string model;
  std::string thinking;  // empty: none
  std::string text;
  std::vector<ToolCall> tool_calls;  // after the text
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;    // all of them
  std::int64_t thinking_tokens = 0;  // of output_tokens
  bool cut = false;                  // max_tokens was smaller than the answer
  std::string stop_sequence;         // the one that ended the answer
  bool stream = false;
  bool stream_usage = false;  // OpenAI: stream_options.include_usage
  std::uint64_t seed = 0;     // of the ids: the same request, the same ids
  json::Value request;        // for what an answer repeats of it (Responses)
  Directives directives;
};

// Reads any of the four request shapes. `reply_bytes` as in Options.
Answer make_answer(Flavour flavour, const json::Value& request, int reply_bytes);

// FNV-1a: ids that depend on the request only.
std::uint64_t hash(std::string_view text);
// `prefix` and `length` characters of the seed's choice: letters and digits, or hexadecimal digits.
std::string id_of(std::uint64_t seed, std::string_view prefix, int length);
std::string hexadecimal_id_of(std::uint64_t seed, std::string_view prefix, int length);
// The signature that the simulated Anthropic puts under a thinking text, and wants to see again.
std::string signature_of(std::string_view thinking);
std::int64_t tokens_of(std::size_t bytes);

// A whole answer's body.
std::string render_whole(Format format, const Answer& answer);

// A stream, piece by piece: begin(), chunk() for each text chunk, then end() or, when the provider breaks,
// failure(). Each gives complete events with their blank lines. The answer must outlive it.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual std::string begin() = 0;
  virtual std::string chunk(std::string_view text) = 0;
  virtual std::string end() = 0;
  virtual std::string failure() = 0;
};
std::unique_ptr<Stream> make_stream(Format format, const Answer& answer);

// The formats' own parts of the two functions above.
std::string chat_whole(Flavour flavour, const Answer& answer);
std::string messages_whole(const Answer& answer);
std::string responses_whole(const Answer& answer);
std::unique_ptr<Stream> make_chat_stream(Flavour flavour, const Answer& answer);
std::unique_ptr<Stream> make_messages_stream(const Answer& answer);
std::unique_ptr<Stream> make_responses_stream(const Answer& answer);

// The text of an answer in `chunks` pieces (0: word by word), never inside a UTF-8 character.
std::vector<std::string_view> split_text(std::string_view text, int chunks);

// A fixed time, so that the same request gives the same bytes.
constexpr std::int64_t kCreated = 1'790'000'000;

}  // namespace ai_proxy::simulator
