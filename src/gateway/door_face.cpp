// A door of dialects/doors.h as the face of an exchange: a body that its own provider understands passes
// through, every other is translated.
#include <array>
#include <chrono>

#include "base/ascii.h"
#include "dialects/doors.h"
#include "gateway/exchange.h"
#include "gateway/face.h"
#include "gateway/provider_call.h"

namespace ai_proxy::gateway {
namespace {

std::int64_t unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

dialects::AnswerContext context_of(const Exchange& exchange) {
  dialects::AnswerContext context;
  context.model = exchange.model_shown();
  context.created = unix_seconds();
  context.stream_usage = exchange.asked.stream_usage;
  context.request_id = exchange.request_id;
  context.request = exchange.body.root();
  return context;
}

class DoorEventWriter final : public EventWriter {
 public:
  DoorEventWriter(Exchange& exchange, const dialects::Door& door, const dialects::StreamReader& reader)
      : exchange_(exchange),
        model_(reader.model().empty() ? exchange.call.candidate->wire_model : reader.model()) {
    dialects::AnswerContext context = context_of(exchange);
    context.model = model_;
    context.provider_id = reader.id().empty() ? std::string_view(exchange.request_id) : reader.id();
    writer_ = door.make_stream_writer(context);
  }

  void delta(std::string& out, const chat::Delta& delta) override { writer_->delta(out, delta); }

  void end(std::string& out, const dialects::StreamReader& reader) override {
    writer_->end(out, {.finish_reason = exchange_.finish_reason,
                       .stop_sequence = reader.stop_sequence(),
                       .usage = exchange_.usage});
  }

  void fail(std::string& out) override { writer_->fail(out, *exchange_.error); }
  std::size_t held_bytes() const override { return writer_->held_bytes(); }

 private:
  const Exchange& exchange_;
  std::string model_;  // the writer may keep a view of it
  std::unique_ptr<dialects::StreamWriter> writer_;
};

class DoorFace final : public Face {
 public:
  explicit DoorFace(const dialects::Door& door) : door_(door) {}

  Operation operation() const override {
    if (&door_ == &dialects::kEmbeddingsDoor || &door_ == &dialects::kMistralEmbeddingsDoor)
      return Operation::embeddings;
    return &door_ == &dialects::kAnthropicTokenCountDoor ? Operation::token_count : Operation::chat;
  }

  std::optional<Answer> read(Exchange& exchange) const override {
    if (const auto fault = exchange.body.parse(exchange.request.body)) {
      return refused(exchange,
                     bad_request("The body is not valid JSON: line " + std::to_string(fault->line) +
                                     ", column " + std::to_string(fault->column) + ": " + fault->message,
                                 fault->path));
    }
    Result<dialects::Glance> glance = door_.glance(exchange.body.root());
    if (!glance) return refused(exchange, std::move(glance.error()));
    exchange.asked = *glance;
    return std::nullopt;
  }

  Result<void> render_call(Exchange& exchange) const override {
    const providers::Provider& provider = *exchange.call.candidate->provider;
    const dialects::Dialect* own = provider.speaks(door_.dialect);
    if (own != nullptr && provider.takes_as_is(door_.dialect, exchange.body.root())) {
      exchange.call.dialect = own;
      exchange.call.passes_through = true;
      exchange.call.fields = forwarded_fields(exchange.request.headers);
      exchange.call.as_it_came = exchange.body.root().raw();
      exchange.call.rendered =
          door_.pass_through(exchange.body.root(), exchange.call.candidate->wire_model, exchange.asked)
              .value_or(std::string());
      return {};
    }
    if (door_.answer_alone != nullptr) {
      Result<std::string> answer = door_.answer_alone(exchange.body.root(), exchange.warnings);
      if (!answer) return std::unexpected(std::move(answer.error()));
      exchange.call.own_answer = std::move(*answer);
      return {};
    }
    exchange.call.dialect = provider.counterpart(door_.dialect);
    if (exchange.call.dialect == nullptr)
      return std::unexpected(bad_request("The provider " + provider.name + " has no embeddings.", "model"));
    Result<chat::Request> request = door_.parse_request(exchange.body.root(), exchange.warnings);
    if (!request) return std::unexpected(std::move(request.error()));
    // The call that this one is made beside may still answer, with the names it was given.
    chat::ToolNames names =
        exchange.conversation ? std::move(exchange.conversation->tool_names) : chat::ToolNames();
    exchange.conversation = std::make_unique<Conversation>(std::move(*request));
    exchange.conversation->tool_names = std::move(names);
    return render_conversation(exchange);
  }

  std::string render_reply(Exchange& exchange, const chat::Reply& reply) const override {
    return door_.render_reply(reply, context_of(exchange));
  }

  std::unique_ptr<EventWriter> make_event_writer(Exchange& exchange,
                                                 const dialects::StreamReader& reader) const override {
    return std::make_unique<DoorEventWriter>(exchange, door_, reader);
  }

  std::string_view keep_alive() const override { return door_.keep_alive; }

  // A provider's refusal in the caller's own dialect is shown as it came, unless it is about our key.
  Answer render_error(const Exchange& exchange) const override {
    const Error& error = *exchange.error;
    const bool verbatim = !exchange.call.refusal.empty() && error.code != ErrorCode::provider_auth_failed;
    if (verbatim) return {error.provider_status, exchange.call.refusal};
    return {door_.error_status(error), door_.render_error(error, exchange.request_id)};
  }

  const dialects::Door* door() const override { return &door_; }

 private:
  Answer refused(Exchange& exchange, Error error) const {
    exchange.error = std::move(error);
    return render_error(exchange);
  }

  const dialects::Door& door_;
};

}  // namespace

const Face& face_of(const dialects::Door& door) {
  static const std::array faces{
      DoorFace(dialects::kOpenAiChatDoor),         DoorFace(dialects::kOpenAiResponsesDoor),
      DoorFace(dialects::kAnthropicMessagesDoor),  DoorFace(dialects::kMistralChatDoor),
      DoorFace(dialects::kEmbeddingsDoor),         DoorFace(dialects::kMistralEmbeddingsDoor),
      DoorFace(dialects::kAnthropicTokenCountDoor)};
  for (const DoorFace& face : faces) {
    if (face.door() == &door) return face;
  }
  return kNativeFace;
}

}  // namespace ai_proxy::gateway
