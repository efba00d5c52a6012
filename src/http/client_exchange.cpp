// The second half of an exchange: head and body leave in one write, the answer is read as it comes.
#include "http/client_exchange.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"
#include "http/proxy.h"

namespace ai_proxy::http {
namespace {

// A head of ordinary size is kept for the next request, a huge one is not.
constexpr std::size_t kKeptBytesMax = 16 * 1024;
constexpr std::size_t kFirstGuessBytes = 16 * 1024;
constexpr std::size_t kReadBytesMin = 4 * 1024;
constexpr std::size_t kHeadReadBytes = 4 * 1024;
// Up to here copying a body behind its head is cheaper than a gathering write.
constexpr std::size_t kCopiedBytes = 4096;
constexpr int kProxyAuthenticationRequired = 407;

Error closed_early(std::string_view when) {
  return provider_failed(ErrorCode::provider_unreachable,
                         std::string("The provider closed the connection ").append(when) + ".");
}

Error too_large(std::size_t bytes_max) {
  std::string message = "The provider's answer is larger than ";
  append_integer(message, bytes_max);
  return provider_failed(ErrorCode::provider_error, message + " bytes.");
}

Error broken_before() {
  return provider_failed(ErrorCode::stream_interrupted, "The provider's answer had been broken off before.");
}

// Memory too: what waits for the next event of a stream shall hold little.
void let_go(std::string& text) {
  if (text.capacity() > std::string().capacity()) std::string().swap(text);
}

// How many bytes to read next at the end of `body`, at least one; makes the room. One byte beyond `bytes_max`
// may come, to tell that the bound is broken.
std::size_t room_for(std::string& body, std::optional<std::uint64_t> announced, std::size_t bytes_max) {
  const std::size_t allowed = bytes_max + 1 - body.size();
  if (announced) {
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(*announced, allowed));
    body.reserve(body.size() + room + json::kPadding);
    return room;
  }
  if (body.capacity() < body.size() + kReadBytesMin + json::kPadding) {
    body.reserve(std::max(2 * body.size(), kFirstGuessBytes) + json::kPadding);
  }
  return std::min(body.capacity() - body.size() - json::kPadding, allowed);
}

}  // namespace

struct Exchange::Watch {
  Watch(Exchange& owner, Stop phase)
      : exchange(owner), guard(*owner.cancellation_, [&owner] { owner.stop(Stop::cancelled); }) {
    const ClientLimits& limits = owner.limits_;
    owner.begin_phase(phase, phase == Stop::first_byte ? limits.first_byte_time : limits.silence_time);
  }
  ~Watch() { exchange.end_phase(); }

  Exchange& exchange;
  Cancellation::Guard guard;
};

ClientShared::ClientShared(asio::io_context& context, const ClientLimits& the_limits, std::string the_ca_file)
    : io(context),
      limits(the_limits),
      ca_file(std::move(the_ca_file)),
      deadlines(context),
      resolver(context),
      connections(deadlines, limits) {
  spare.reserve(kSpareMax);
}

ClientShared::~ClientShared() = default;

TlsContext& ClientShared::tls() {
  if (!tls_context) tls_context = std::make_unique<TlsContext>(ca_file);
  return *tls_context;
}

Exchange::Exchange(ClientShared& shared)
    : phase_deadline_(shared.deadlines, [this] { stop(phase_); }),
      event_deadline_(shared.deadlines, [this] { stop(Stop::first_event); }),
      total_deadline_(shared.deadlines, [this] { stop(Stop::total); }) {}

Exchange::~Exchange() = default;

// A stream's reader stops at the last event; the closing chunk may be there, and then the connection can
// stay.
bool Exchange::ends_at_once() {
  if (!connection_ || stop_ != Stop::none || !reader_.head_complete() || reader_.content_left() ||
      !unread_.empty())
    return false;
  const std::span<char> scratch = home_->scratch;
  connection_->look_again();
  const Transfer transfer = connection_->read(scratch);
  return transfer.progress == Progress::done && reader_.read_body(scratch.first(transfer.bytes)) &&
         reader_.complete();
}

std::shared_ptr<ClientShared> Exchange::release() noexcept {
  try {
    if (ends_at_once()) finish();
  } catch (const std::bad_alloc&) {
    // The connection is not kept.
  }
  connection_.reset();
  disarm_all();
  cancellation_ = nullptr;
  signal_ = nullptr;  // of a wait that memory did not suffice for
  unread_.clear();
  content_ = {};
  fault_ = nullptr;
  if (head_.capacity() > kKeptBytesMax) let_go(head_);
  return std::exchange(home_, nullptr);
}

void Exchange::build_head(const Origin& origin, const OutgoingRequest& request) {
  head_.assign(request.method).append(" ");
  // A proxy on the way to a plain origin reads the request itself (RFC 9112, 3.2.2).
  const Proxy* proxy = origin.tls ? nullptr : origin.proxy.get();
  if (proxy != nullptr) head_.append("http://").append(origin_->authority);
  head_.append(origin.path_prefix).append(request.path);
  head_.append(" HTTP/1.1\r\nHost: ").append(origin_->authority).append("\r\n").append(request.fields);
  if (proxy != nullptr && !proxy->authorization.empty())
    head_.append("Proxy-Authorization: ").append(proxy->authorization.reveal()).append("\r\n");
  if (!request.body.empty() || request.method == "POST") {
    head_.append("Content-Length: ");
    append_integer(head_, request.body.size());
    head_.append("\r\n");
  }
  head_.append("\r\n");
}

Task<Result<void>> Exchange::send(const Origin& origin, const OutgoingRequest& request,
                                  Cancellation& cancellation) {
  limits_ = home_->limits;
  if (request.total_time) limits_.total_time = *request.total_time;
  credential_ = request.credential;
  cancellation_ = &cancellation;
  stop_ = Stop::none;
  sent_ = written_ = answered_ = failed_ = false;
  origin_ = &home_->connections.of(origin);
  build_head(origin, request);
  const bool copied = request.body.size() <= kCopiedBytes;
  if (copied) head_.append(request.body);
  reader_.begin(limits_, request.method == "HEAD");
  total_deadline_.arm(limits_.total_time);

  connection_ = home_->connections.take_idle(*origin_, credential_);
  reused_ = connection_ != nullptr;
  Slot slot;
  for (;;) {
    if (!connection_) {
      Result<void> opened = co_await open(std::move(slot));
      if (!opened) co_return fail(std::move(opened.error()));
    }
    Result<void> answered = co_await converse(copied ? std::string_view() : request.body);
    if (answered) co_return Result<void>();
    const bool was_stale = reused_ && !answered_ && stop_ == Stop::none;
    if (!was_stale || !request.replayable) co_return fail(std::move(answered.error()));
    // The provider closed an idle connection just as we used it. A fresh one tells the truth; its slot is the
    // same.
    slot = std::move(connection_->slot);
    connection_.reset();
  }
}

// One request on connection_, up to the answer's head.
Task<Result<void>> Exchange::converse(std::string_view body) {
  if (stopped()) co_return std::unexpected(stop_error());
  ++connection_->uses;
  const Transfer first = connection_->write(head_, body, 0);
  sent_ = sent_ || first.bytes > 0;
  written_ = first.progress == Progress::done && first.bytes == head_.size() + body.size();
  if (!written_ && first.progress != Progress::failed) {
    Result<void> rest = co_await write_rest(body, first.bytes);
    if (!rest) co_return rest;
  }
  // Even when the write failed: the provider may have answered before it closed.
  while (!reader_.head_complete()) {
    // What comes behind the head must be kept until it is asked for: not more than need be.
    const Transfer transfer = co_await receive(reader_.between_heads() ? Stop::first_byte : Stop::silence,
                                               std::span(home_->scratch).first(kHeadReadBytes));
    if (stopped()) co_return std::unexpected(stop_error());
    if (transfer.progress != Progress::done) {
      co_return std::unexpected(
          closed_early(answered_ ? "in the middle of its answer's head" : "before it answered"));
    }
    Result<void> taken = take_head_bytes(std::span(home_->scratch).first(transfer.bytes));
    if (!taken) co_return taken;
  }
  if (reader_.status() == kProxyAuthenticationRequired && origin_->origin.proxy != nullptr &&
      !origin_->origin.tls) {
    co_return std::unexpected(refused_by_proxy(reader_.status()));
  }
  if (reader_.complete()) finish();
  co_return Result<void>();
}

// Waits for bytes and reads them. What was read into the scratch must be looked at before anything else is
// waited for.
Task<Transfer> Exchange::receive(Stop phase, std::span<char> into) {
  Watch watch(*this, phase);
  Transfer transfer{Progress::want_read, 0};
  if (connection_->has_pending()) transfer = connection_->read(into);
  while (!stopped()) {
    if (transfer.progress == Progress::want_read) {
      co_await connection_->readable();
    } else if (transfer.progress == Progress::want_write) {
      co_await connection_->writable();
    } else {
      break;
    }
    transfer = connection_->read(into);
  }
  co_return transfer;
}

Result<void> Exchange::take_head_bytes(std::span<const char> bytes) {
  answered_ = true;
  const std::string_view text(bytes.data(), bytes.size());
  Result<std::size_t> taken = reader_.read_head(text);
  if (!taken) return std::unexpected(std::move(taken.error()));
  unread_.assign(text.substr(*taken));
  return {};
}

// Into the scratch.
std::span<char> Exchange::take_unread() {
  const std::size_t bytes = unread_.copy(home_->scratch.data(), home_->scratch.size());
  unread_.clear();
  return std::span(home_->scratch).first(bytes);
}

// The socket is full: wait until it takes more, but listen too, for the provider may answer (and refuse)
// before it has read a large body. Ends when all is sent, when a final answer has begun, or when the
// connection broke.
Task<Result<void>> Exchange::write_rest(std::string_view body, std::size_t sent) {
  const std::size_t total = head_.size() + body.size();
  Watch watch(*this, Stop::sending);
  while (sent < total && !reader_.head_complete()) {
    const Transfer transfer = connection_->write(head_, body, sent);
    if (transfer.progress == Progress::done) {
      sent += transfer.bytes;
      sent_ = true;
      begin_phase(Stop::sending, limits_.silence_time);
      continue;
    }
    if (transfer.progress == Progress::failed || transfer.progress == Progress::end) break;
    if (transfer.progress == Progress::want_read) {
      co_await connection_->readable();
    } else {
      co_await connection_->readable_or_writable();
    }
    if (stopped()) co_return std::unexpected(stop_error());
    Transfer early = connection_->read(home_->scratch);
    while (early.progress == Progress::done) {
      Result<void> taken = take_head_bytes(std::span(home_->scratch).first(early.bytes));
      if (!taken) co_return taken;
      // The loop does not tell of what TLS has read ahead.
      if (reader_.head_complete() || !connection_->has_pending()) break;
      early = connection_->read(home_->scratch);
    }
    if (early.progress == Progress::end || early.progress == Progress::failed) break;
  }
  written_ = sent == total;
  co_return Result<void>();
}

// Bytes of the body that have come -> the content they hold, maybe none.
Result<std::string_view> Exchange::take_body_bytes(std::span<char> bytes) {
  Result<std::string_view> content = reader_.read_body(bytes);
  if (!content) return fail(std::move(content.error()));
  if (reader_.complete()) finish();
  return content;
}

Result<std::string_view> Exchange::take_body_bytes(std::span<char> into, Transfer transfer) {
  if (stopped()) return fail(stop_error());
  if (transfer.progress == Progress::done) return take_body_bytes(into.first(transfer.bytes));
  if (transfer.progress == Progress::failed) {
    return fail(provider_failed(ErrorCode::stream_interrupted,
                                "The connection to the provider broke in the middle of its answer."));
  }
  if (std::optional<Error> cut = reader_.read_end()) return fail(std::move(*cut));
  finish();
  return std::string_view();
}

// The coroutines below keep little across their waits: one of them is alive for every open stream.
Task<Result<std::string_view>> Exchange::read_some() {
  content_ = {};
  while (awaits_content()) take_content(co_await receive(Stop::silence, home_->scratch));
  co_return outcome();
}

bool Exchange::awaits_content() {
  while (content_.empty() && connection_ && !unread_.empty()) note_content(take_body_bytes(take_unread()));
  if (!content_.empty() || !connection_) return false;
  let_go(head_);
  let_go(unread_);
  return true;
}

void Exchange::take_content(Transfer transfer) {
  note_content(take_body_bytes(home_->scratch, transfer));
}

// An error has ended the connection.
void Exchange::note_content(Result<std::string_view> content) {
  if (content) {
    content_ = *content;
  } else {
    fault_ = std::make_unique<Error>(std::move(content.error()));
  }
}

Result<std::string_view> Exchange::outcome() {
  if (const std::unique_ptr<Error> fault = std::exchange(fault_, nullptr))
    return std::unexpected(std::move(*fault));
  if (content_.empty() && failed_) return std::unexpected(broken_before());
  return content_;
}

Task<Result<std::string>> Exchange::read_all(std::size_t bytes_max) {
  std::string body;
  bytes_max = std::min(bytes_max, body.max_size() / 4);
  begin_whole(body, bytes_max);
  for (std::span<char> room; !(room = room_in(body, bytes_max)).empty();)
    take_into(body, room, co_await receive(Stop::silence, room));
  co_return whole(std::move(body), bytes_max);
}

void Exchange::begin_whole(std::string& body, std::size_t bytes_max) {
  content_ = {};
  if (!connection_) return;
  const std::uint64_t announced = reader_.content_left().value_or(unread_.size());
  if (announced > bytes_max) return note_content(fail(too_large(bytes_max)));
  body.reserve(static_cast<std::size_t>(announced) + json::kPadding);
  while (connection_ && !unread_.empty()) {
    note_content(take_body_bytes(take_unread()));
    if (!fault_) body.append(content_);
  }
}

// Where the rest is read straight into its place. Empty: nothing is to be read any more.
std::span<char> Exchange::room_in(std::string& body, std::size_t bytes_max) {
  if (!connection_) return {};
  if (body.size() > bytes_max) {
    note_content(fail(too_large(bytes_max)));
    return {};
  }
  const std::size_t begin = body.size();
  const std::size_t room = room_for(body, reader_.content_left(), bytes_max);
  // libstdc++ 12 hands the callback the capacity, not the size that was asked for.
  body.resize_and_overwrite(begin + room, [begin, room](char*, std::size_t) { return begin + room; });
  cancellation_->held_bytes = body.capacity();
  return std::span(body).subspan(begin);
}

void Exchange::take_into(std::string& body, std::span<char> room, Transfer transfer) {
  note_content(take_body_bytes(room, transfer));
  if (!fault_) body.resize(body.size() - room.size() + content_.size());
}

Result<std::string> Exchange::whole(std::string body, std::size_t bytes_max) {
  if (const std::unique_ptr<Error> fault = std::exchange(fault_, nullptr))
    return std::unexpected(std::move(*fault));
  if (failed_) return std::unexpected(broken_before());
  if (body.size() > bytes_max) return fail(too_large(bytes_max));
  body.reserve(body.size() + json::kPadding);
  return body;
}

// The answer is complete: the connection goes back, if both sides are at a clean end.
void Exchange::finish() {
  disarm_all();
  if (written_ && unread_.empty() && reader_.keep_alive() && connection_->at_rest()) {
    home_->connections.give_back(*origin_, std::move(connection_));
  } else {
    connection_->shut_down();
    connection_.reset();
  }
}

std::unexpected<Error> Exchange::fail(Error error) {
  disarm_all();
  unread_.clear();
  failed_ = true;
  error.request_sent = sent_;
  if (connection_) connection_->close();
  connection_.reset();
  return std::unexpected(std::move(error));
}

void Exchange::expect_event_within(milliseconds time) {
  if (!connection_) return;  // all of the answer is there already
  event_time_ = time;
  event_deadline_.arm(time);
}

void Exchange::disarm_all() {
  phase_deadline_.disarm();
  event_deadline_.disarm();
  total_deadline_.disarm();
}

}  // namespace ai_proxy::http
