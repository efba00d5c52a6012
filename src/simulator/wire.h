// What a simulated provider says, in the three wire formats. Pure: a parsed request in, bytes out. Shapes
// follow the providers' own (recorded) answers: member order, usage, ids of the right length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "simulator/simulator.h"

namespace ai_proxy::simulator {

// The answer to one request, before it takes a wire format.
struct Answer {
  std::string model;
  std::string text;            // empty when a tool is called
  std::string tool_name;       // empty: no tool call
  std::string tool_arguments;  // JSON object
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  bool cut = false;  // max_tokens was smaller than the answer
  bool stream = false;
  bool stream_usage = false;  // OpenAI: stream_options.include_usage
  std::uint64_t seed = 0;     // of the ids: the same request, the same ids
};

// Reads any of the three request shapes. `reply_bytes` as in Options.
Answer make_answer(Flavour flavour, const json::Value& request, int reply_bytes);

// A whole answer's body.
std::string render_whole(Flavour flavour, const Answer& answer);

// A stream, event by event: begin, one per text chunk, end. Each is complete with its blank line.
std::string render_stream_begin(Flavour flavour, const Answer& answer);
std::string render_stream_chunk(Flavour flavour, const Answer& answer, std::string_view text);
std::string render_stream_end(Flavour flavour, const Answer& answer);

// The text of an answer in `chunks` pieces (0: word by word), never inside a UTF-8 character.
std::vector<std::string_view> split_text(std::string_view text, int chunks);

// A refusal as this provider words it.
struct Refusal {
  int status = 500;
  std::string fields;  // extra header lines
  std::string body;
};
Refusal render_refusal(Flavour flavour, int status, std::string_view message);

std::string render_models(Flavour flavour);
std::string render_embeddings(Flavour flavour, const json::Value& request);

}  // namespace ai_proxy::simulator
