// Calls of one request beside each other, of which the first to begin its answer wins.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/exchange.h"
#include "http/client.h"

namespace ai_proxy::gateway {

// May this call be made as a second one, by what it could cost? The length of its body stands for the tokens
// of its prompt (a token has three bytes or more), and the ceiling that was asked for, or the model's own,
// for those of its answer, n times where n answers are asked for. What has no known price may not.
bool within_cost(const Exchange& exchange, const Call& call, PicoUsd cost_max);

// The calls are part of the coroutine that owns this: it starts them, waits for them, and lets go of those it
// does not want. After finish() none of them runs.
class Race {
 public:
  explicit Race(Exchange& exchange);
  ~Race();
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  struct Lane {
    Call call;
    chat::Warnings warnings;                               // of its rendering
    std::optional<Result<http::ClientReply>> result = {};  // once it has ended
  };

  void start(Lane lane);
  Lane& lane(std::size_t index);

  // Until something has changed: a lane has ended, the patience is over, the client has gone.
  http::Task<void> wait(std::optional<std::chrono::milliseconds> patience);
  // The lane with a good answer.
  std::optional<std::size_t> winner() const;
  // Nothing is left to wait for: there is a winner, or all have failed, or the client has gone.
  bool decided() const;
  // Lets go of all others, and waits until they have ended.
  http::Task<void> finish();

 private:
  struct Shared;
  struct Runner;
  static http::Task<void> run(Exchange& exchange, std::shared_ptr<Shared> shared,
                              std::shared_ptr<Runner> runner);

  Exchange& exchange_;
  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Runner>> runners_;
};

}  // namespace ai_proxy::gateway
