// Simulated providers: an HTTP server that speaks OpenAI's, Anthropic's and Mistral's wire formats, JSON and
// SSE, with usage. For the demo, for tests and for benchmarks. It answers from the request it got: the same
// request, the same answer.
//
// POST /v1/chat/completions  OpenAI's shape (Mistral's under /mistral)    POST /v1/messages  Anthropic's
// POST /v1/responses         OpenAI's                                     POST /v1/messages/count_tokens
// POST /v1/embeddings        OpenAI's and Mistral's                       GET /v1/models, /v1/models/{id}
//
// A question may say in brackets what it wants to see: directives.h lists the words.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "http/server.h"

namespace ai_proxy::simulator {

enum class Flavour : std::uint8_t { openai, anthropic, mistral };

struct Options {
  Flavour flavour = Flavour::openai;         // of paths without a /openai, /anthropic, /mistral prefix
  std::chrono::milliseconds delay{0};        // before the first byte of an answer
  int chunks = 0;                            // text chunks of a stream; 0: one per word
  std::chrono::milliseconds chunk_pause{0};  // between two chunks
  int error_percent = 0;  // of requests answered with an error (500, 429, overloaded in turn)
  int reply_bytes = 0;    // length of the answer's text; 0: a sentence that fits the question
  bool strict = false;    // refuse what the real provider would refuse, in its words (strict.h)
};

// One per io_context. Throws nothing; listen() says what went wrong.
class Simulator {
 public:
  Simulator(http::asio::io_context& io, const Options& options);
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port, bool reuse_port = false);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ai_proxy::simulator
