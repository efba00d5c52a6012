// Works with hiredis 0.14 (Debian 12) and 1.x: only the formatter and the reader are used, and replies are
// built by our own functions, so that none is allocated twice and no array is allocated at all.
#include "stores/redis_protocol.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <vector>

namespace ai_proxy::stores {
namespace {

RedisReply& reply_of(const redisReadTask* task) {
  return *static_cast<RedisReply*>(task->privdata);
}

// hiredis hands `privdata` to the outermost task only. Whatever lies inside an array is of no interest.
bool nested(const redisReadTask* task) {
  return task->parent != nullptr;
}

void* keep(const redisReadTask* task, RedisReply::Kind kind) {
  if (nested(task)) return const_cast<redisReadTask*>(task);
  reply_of(task).kind = kind;
  return &reply_of(task);
}

// Lengths are int or size_t, depending on the version of hiredis: hence templates.
template <class Length>
void* create_text(const redisReadTask* task, char* text, Length length) {
  if (nested(task)) return const_cast<redisReadTask*>(task);
  try {
    reply_of(task).text.assign(text, static_cast<std::size_t>(length));
  } catch (const std::exception&) {
    return nullptr;  // hiredis reports it as out of memory
  }
  switch (task->type) {
    case REDIS_REPLY_STRING:
      return keep(task, RedisReply::Kind::text);
    case REDIS_REPLY_STATUS:
      return keep(task, RedisReply::Kind::status);
    case REDIS_REPLY_ERROR:
      return keep(task, RedisReply::Kind::error);
    default:
      return keep(task, RedisReply::Kind::other);
  }
}

template <class Length>
void* create_array(const redisReadTask* task, Length) {
  return keep(task, RedisReply::Kind::other);
}

void* create_integer(const redisReadTask* task, long long) {
  return keep(task, RedisReply::Kind::other);
}
void* create_nil(const redisReadTask* task) {
  return keep(task, RedisReply::Kind::nil);
}
void free_nothing(void*) {}

redisReplyObjectFunctions reply_functions() {
  redisReplyObjectFunctions functions{};
  functions.createString = &create_text;
  functions.createArray = &create_array;
  functions.createInteger = &create_integer;
  functions.createNil = &create_nil;
  functions.freeObject = &free_nothing;
  return functions;
}

}  // namespace

bool append_command(std::string& bytes, std::initializer_list<std::string_view> words) {
  constexpr std::size_t kWordsMax = 8;
  std::array<const char*, kWordsMax> starts{};
  std::array<std::size_t, kWordsMax> lengths{};
  std::size_t count = 0;
  for (const std::string_view word : words) {
    if (count == kWordsMax) return false;
    starts[count] = word.data() == nullptr ? "" : word.data();
    lengths[count++] = word.size();
  }
  char* formatted = nullptr;
  // An int in hiredis 0.14, a long long in 1.x.
  const long long length =
      redisFormatCommandArgv(&formatted, static_cast<int>(count), starts.data(), lengths.data());
  if (length < 0) return false;
  const std::unique_ptr<char, decltype(&redisFreeCommand)> owner(formatted, &redisFreeCommand);
  try {
    bytes.append(formatted, static_cast<std::size_t>(length));
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

void RedisReader::Deleter::operator()(redisReader* reader) const {
  redisReaderFree(reader);
}

RedisReader::RedisReader(std::size_t reply_bytes_max) : reply_bytes_max_(reply_bytes_max) {
  static redisReplyObjectFunctions functions = reply_functions();
  reader_.reset(redisReaderCreateWithFunctions(&functions));
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = &reply_;
}

RedisReader::~RedisReader() = default;

void RedisReader::feed(std::string_view bytes) {
  if (garbage_) return;
  const std::size_t unread = reader_->len - reader_->pos;
  garbage_ = unread + bytes.size() > reply_bytes_max_ ||
             redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK;
}

RedisReader::Next RedisReader::next(RedisReply& reply) {
  if (garbage_) return Next::garbage;
  reply_.kind = RedisReply::Kind::none;
  void* done = nullptr;
  garbage_ = redisReaderGetReply(reader_.get(), &done) != REDIS_OK ||
             reply_.kind == RedisReply::Kind::other ||
             (done != nullptr && reply_.kind == RedisReply::Kind::none);
  if (garbage_) return Next::garbage;
  if (done == nullptr) return Next::incomplete;
  reply.kind = reply_.kind;
  reply.text.swap(reply_.text);
  reply_.text.clear();
  return Next::reply;
}

std::string error_word(std::string_view text) {
  constexpr std::size_t kWordBytesMax = 24;
  std::string word;
  for (const char c : text.substr(0, kWordBytesMax)) {
    if ((c < 'A' || c > 'Z') && c != '_') break;
    word += c;
  }
  return word.empty() ? "an error" : word;
}

}  // namespace ai_proxy::stores
