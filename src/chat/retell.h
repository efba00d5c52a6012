// A stream's deltas and a whole reply are one answer, told in two ways: each made of the other. Pure.
#pragma once

#include <functional>

#include "chat/reply.h"

namespace ai_proxy::chat {

// Gathers a stream's deltas into the reply that they make up. What a stream's reader knows besides them (id,
// model, finish reason, usage) is for the caller to add.
class ReplyBuilder {
 public:
  void add(const Delta& delta);
  // False: something came that a whole reply has no place for.
  bool complete() const { return complete_; }
  Reply take();

 private:
  Thinking& open_thought();

  Reply reply_;
  bool thought_open_ = false;
  bool complete_ = true;
};

// Tells the reply as a stream would, from started to finished. False, and nothing is told: the reply holds
// parts that have no deltas.
bool retell(const Reply& reply, const std::function<void(const Delta&)>& sink);

}  // namespace ai_proxy::chat
