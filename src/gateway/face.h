// How an exchange speaks to its caller: our native API, or the door of a provider's dialect. Stateless; what
// it reads and needs is in the exchange.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "chat/reply.h"
#include "dialects/dialect.h"
#include "dialects/door.h"
#include "gateway/counts.h"

namespace ai_proxy::gateway {

struct Exchange;

// Writes one translated stream. delta() any number of times, then exactly one of the others.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  virtual void delta(std::string& out, const chat::Delta& delta) = 0;
  virtual void end(std::string& out, const dialects::StreamReader& reader) = 0;
  virtual void fail(std::string& out) = 0;  // as exchange.error says
  virtual std::size_t held_bytes() const { return 0; }
};

struct Answer {
  int status = 200;
  std::string body;
};

class Face {
 public:
  virtual ~Face() = default;

  // Reads what is asked for, as far as it must be known before it is placed. An answer: it is refused, and
  // exchange.error says why.
  virtual std::optional<Answer> read(Exchange& exchange) const = 0;
  // Once placed: which dialect is spoken with the provider, and the body for it.
  virtual Result<void> render_call(Exchange& exchange) const = 0;

  // Whole answers and streams that must be translated.
  virtual std::string render_reply(Exchange& exchange, const chat::Reply& reply) const = 0;
  // `reader` has read the stream's first event.
  virtual std::unique_ptr<EventWriter> make_event_writer(Exchange& exchange,
                                                         const dialects::StreamReader& reader) const = 0;
  // What a silent stream says to show that it lives: one that the dialect's SDKs pass over.
  virtual std::string_view keep_alive() const = 0;
  // Requires: exchange.error.
  virtual Answer render_error(const Exchange& exchange) const = 0;

  virtual Operation operation() const { return Operation::chat; }
  // Null for the native API.
  virtual const dialects::Door* door() const { return nullptr; }
};

extern const Face& kNativeFace;                   // native_face.cpp
const Face& face_of(const dialects::Door& door);  // door_face.cpp; of doors.h

}  // namespace ai_proxy::gateway
