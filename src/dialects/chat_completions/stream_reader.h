// Reads the event stream of a chat completion, OpenAI's and Mistral's: chunks with deltas, a finish reason,
// usage anywhere, [DONE]. Source: 305 recorded streams; OpenAI and Mistral API references.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/chat_completions/reply.h"

namespace ai_proxy::dialects::chat_completions {

class ChunkReader final : public StreamReader {
 public:
  explicit ChunkReader(const Flavour& flavour) : flavour_(&flavour) {}

  Result<void> event(std::string_view name, std::string_view data, const Sink& sink) override;
  bool complete() const override { return finished_; }
  bool terminated() const override { return terminated_; }
  json::Value body() const override { return body_; }

  const std::string& id() const override { return id_; }
  const std::string& model() const override { return model_; }
  chat::FinishReason finish_reason() const override { return finish_reason_; }
  const std::string& provider_finish_reason() const override { return finish_word_; }
  bool has_tool_calls() const override { return begun_count_ > 0; }
  const std::optional<chat::Usage>& usage() const override { return usage_; }
  std::size_t held_bytes() const override { return pending_bytes_; }

 private:
  struct Call {
    std::int64_t wire_index = 0;
    std::uint32_t tool_index = 0;  // valid once begun
    bool begun = false;            // its name is known and told
    bool has_arguments = false;
    std::string id;
    std::string pending;  // arguments that came before the name
  };

  Result<void> chunk(const Sink& sink);
  Result<void> choice(const json::Value& choice, const Sink& sink);
  void content(const json::Value& content, const Sink& sink);
  Result<void> call_fragment(const json::Value& fragment, const json::Value& function, const Sink& sink);
  Call* call_for(const json::Value& fragment, std::string_view id, std::string_view name);
  void begin(Call& call, std::string_view name, const Sink& sink);
  void arguments(Call& call, std::string_view text, const Sink& sink);
  void finish(std::string_view word, const Sink& sink);

  const Flavour* flavour_;
  json::Document document_;  // reused: keeps its memory from event to event
  json::Value body_;
  std::string id_;
  std::string model_;
  std::string service_tier_;
  std::string finish_word_;
  chat::FinishReason finish_reason_ = chat::FinishReason::unknown;
  std::vector<Call> calls_;
  std::size_t pending_bytes_ = 0;  // of all of them
  std::uint32_t begun_count_ = 0;
  std::optional<chat::Usage> usage_;
  bool started_ = false;
  bool finished_ = false;
  bool terminated_ = false;
};

}  // namespace ai_proxy::dialects::chat_completions
