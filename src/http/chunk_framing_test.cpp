// What both readers of chunked bodies have in common, and what a client may not do that a provider may.
#include "http/chunk_framing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace ai_proxy::http {
namespace {

constexpr ChunkFraming::TrailerLimits kLimits{100, 3};

// The payload, and "+" with what is left behind the end; "…" when the end has not come; nullopt when refused.
std::optional<std::string> decode(std::string_view bytes, ChunkFraming::From from, std::size_t step) {
  ChunkFraming framing(from);
  std::string body;
  while (!bytes.empty() && !framing.done()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (!piece.empty() && !framing.done()) {
      std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(framing.payload(), piece.size()));
      if (size > 0) {
        body.append(piece.substr(0, size));
        framing.take_payload(size);
      } else {
        size = framing.take(piece, kLimits);
        if (framing.fault() != ChunkFraming::Fault::none) return std::nullopt;
        EXPECT_GT(size, 0u);
      }
      piece.remove_prefix(size);
    }
    if (framing.done()) return body + "+" + std::string(piece) + std::string(bytes);
  }
  return body + "…";
}

std::optional<std::string> decode_every_way(std::string_view bytes, ChunkFraming::From from) {
  const std::optional<std::string> whole = decode(bytes, from, bytes.size());
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    EXPECT_EQ(decode(bytes, from, step), whole) << "in pieces of " << step << ": " << bytes;
  }
  return whole;
}

void expect_from_both(std::string_view bytes, const std::optional<std::string>& expected) {
  EXPECT_EQ(decode_every_way(bytes, ChunkFraming::From::client), expected) << bytes;
  EXPECT_EQ(decode_every_way(bytes, ChunkFraming::From::provider), expected) << bytes;
}

void expect_from_provider_only(std::string_view bytes, const std::optional<std::string>& expected) {
  EXPECT_EQ(decode_every_way(bytes, ChunkFraming::From::client), std::nullopt) << bytes;
  EXPECT_EQ(decode_every_way(bytes, ChunkFraming::From::provider), expected) << bytes;
}

TEST(ChunkFraming, TellsFramingFromPayload) {
  expect_from_both("5\r\nhello\r\n1\r\n \r\n00a\r\n0123456789\r\n0\r\n\r\nnext", "hello 0123456789+next");
  expect_from_both("A;a;b=c;d=\"q \\\" ;\t\xC3\xA9\"\r\n\r\n\r\n\r\n\r\n\r\n\r\n000;x\r\nX: y\r\nZ:\r\n\r\n",
                   "\r\n\r\n\r\n\r\n\r\n+");
  expect_from_both("3\r\nabc\r\n0\r\n", "abc…");
}

TEST(ChunkFraming, RefusesWhatParsersReadDifferently) {
  for (const std::string_view bad : {"\r\n",
                                     "+1\r\n",
                                     "-1\r\n",
                                     "0x1\r\n",
                                     " 1\r\n",
                                     "1 \r\n",
                                     "1 ;a\r\n",
                                     "1\n",
                                     "1\r\r",
                                     "1;\r\n",
                                     "1;=b\r\n",
                                     "1;a=\r\n",
                                     "1;a=b=c\r\n",
                                     "1;a[\r\n",
                                     "1;a=\"b\r\n",
                                     "1;a=\"b\\\r\n",
                                     "1;a=\"\n\"\r\n",
                                     "1;a=\"\x01\"\r\n",
                                     "1;a=\"\\\x7F\"\r\n",
                                     "1;a=\"b\"c\r\n",
                                     "1;a\n",
                                     "1_0\r\n",
                                     "g\r\n",
                                     "1\r\nab",
                                     "1\r\na\n",
                                     "1\r\na\rb",
                                     "11111111111111111\r\n",
                                     "0\r\nX\r\n",
                                     "0\r\nX : y\r\n",
                                     "0\r\nX: y\n",
                                     "0\r\n: y\r\n",
                                     "0\r\n X: y\r\n",
                                     "0\r\nX: y\r\n z\r\n",
                                     "0\r\n\n",
                                     "0\r\nX: \x01"}) {
    expect_from_both(bad, std::nullopt);
  }
}

TEST(ChunkFraming, BoundsTheTrailer) {
  expect_from_both("0\r\nX: " + std::string(93, 'y') + "\r\n\r\n", "+");
  expect_from_both("0\r\nX: " + std::string(94, 'y') + "\r\n\r\n", std::nullopt);
  expect_from_both("0\r\nX: y\r\nX: y\r\nX: y\r\n\r\n", "+");
  expect_from_both("0\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\n\r\n", std::nullopt);
}

TEST(ChunkFraming, ReadsBlanksInExtensionsOfProviders) {
  expect_from_provider_only("1; a\t= b ; c = \"d\"\t;e\r\nx\r\n0\r\n\r\n", "x+");
  for (const std::string_view bad :
       {"1;a \r\n", "1;a b\r\n", "1;a= \r\n", "1;a=b \r\n", "1;a=b c\r\n", "1; \r\n"}) {
    expect_from_both(bad, std::nullopt);
  }
}

TEST(ChunkFraming, TakesAnySizeOf64BitsFromProviders) {
  expect_from_both("000000000000001\r\nx\r\n0\r\n\r\n", "x+");
  expect_from_provider_only("00000000000000000001\r\nx\r\n0\r\n\r\n", "x+");
  expect_from_provider_only("FFFFFFFFFFFFFFFF\r\nx", "x…");
  expect_from_both("10000000000000000\r\nx", std::nullopt);
}

TEST(ChunkFraming, RefusesFramingInATrailerOfProviders) {
  for (const std::string_view name : {"Content-Length", "transfer-encoding"}) {
    const std::string bytes = "0\r\n" + std::string(name) + ": 1\r\n\r\n";
    EXPECT_EQ(decode_every_way(bytes, ChunkFraming::From::client), "+");
    EXPECT_EQ(decode_every_way(bytes, ChunkFraming::From::provider), std::nullopt);
  }
}

}  // namespace
}  // namespace ai_proxy::http
