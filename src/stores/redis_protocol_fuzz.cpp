// What something that may be Redis sends. However it is cut, the same replies come out, and garbage stays
// garbage; and a command of ours is framed as the protocol wants it.
#include "stores/redis_protocol.h"

#include <vector>

#include "base/fuzz_input.h"

namespace ai_proxy::stores {
namespace {

using fuzzing::require;

constexpr std::size_t kReplyBytesMax = 1 << 20;

struct Outcome {
  std::vector<std::pair<RedisReply::Kind, std::string>> replies;
  bool garbage = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, fuzzing::Cut cut) {
  RedisReader reader(kReplyBytesMax);
  Outcome outcome;
  fuzzing::feed_pieces(bytes, cut, [&](fuzzing::Block& piece) {
    reader.feed(piece.view());
    RedisReply reply;
    auto next = RedisReader::Next::incomplete;
    while ((next = reader.next(reply)) == RedisReader::Next::reply) {
      require(reply.kind != RedisReply::Kind::none && reply.kind != RedisReply::Kind::other,
              "a reply has a kind");
      if (reply.kind == RedisReply::Kind::error)
        require(!error_word(reply.text).empty(), "an error has a word");
      outcome.replies.emplace_back(reply.kind, reply.text);
    }
    outcome.garbage = next == RedisReader::Next::garbage;
    return !outcome.garbage;
  });
  if (outcome.garbage) {
    RedisReply reply;
    reader.feed("+OK\r\n");
    require(reader.next(reply) == RedisReader::Next::garbage, "garbage is for good");
  }
  return outcome;
}

void check_command(std::string_view text) {
  const std::string_view word = text.substr(0, text.find('\n'));
  const std::string_view rest = text.substr(word.size());
  std::string expected = "before*3\r\n$3\r\nSET\r\n";
  for (const std::string_view part : {word, rest}) {
    expected.append("$").append(std::to_string(part.size())).append("\r\n").append(part).append("\r\n");
  }
  std::string bytes = "before";
  require(append_command(bytes, {"SET", word, rest}) && bytes == expected, "a command is framed", bytes);
}

}  // namespace
}  // namespace ai_proxy::stores

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  const std::string_view bytes = fuzzing::Input(data, size).rest();
  fuzzing::same_for_every_cut(bytes, [&](fuzzing::Cut cut) { return stores::read(bytes, cut); });
  stores::check_command(bytes);
  return 0;
}
