// Redis' wire protocol by way of hiredis: commands into bytes, bytes into replies. Protocol source:
// https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

struct redisReader;

namespace ai_proxy::stores {

// Appends one command. False: it could not be built (out of memory); nothing is appended.
bool append_command(std::string& bytes, std::initializer_list<std::string_view> words);

struct RedisReply {
  enum class Kind : std::uint8_t { none, text, status, error, nil, other };
  Kind kind = Kind::none;
  std::string text;  // of text, status and error
};

// Fed with what the connection brings. What a Redis that is not one may send costs no more than
// `reply_bytes_max`.
class RedisReader {
 public:
  explicit RedisReader(std::size_t reply_bytes_max);
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  void feed(std::string_view bytes);

  enum class Next : std::uint8_t { reply, incomplete, garbage };
  // The next complete reply. Garbage is for good: the connection must go. Arrays are garbage too, as no
  // command of ours is answered by one.
  Next next(RedisReply& reply);

 private:
  struct Deleter {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Deleter> reader_;
  std::size_t reply_bytes_max_;
  RedisReply reply_;
  bool garbage_ = false;
};

// The first word of an error reply (LOADING, OOM, NOAUTH …): fit for a log. The rest may repeat what we sent.
std::string error_word(std::string_view text);

}  // namespace ai_proxy::stores
