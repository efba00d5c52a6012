#include "http/sse_reader.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace ai_proxy::http {
namespace {

struct Seen {
  std::string type, data, id;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{" << seen.type << "|" << seen.data.substr(0, 80) << "|" << seen.id << "}";
}

struct Outcome {
  std::vector<Seen> events;
  long retry = -1;
};

// What a WHATWG decoder makes of bytes that are no UTF-8 (Unicode, table 3-7: one mark per maximal subpart).
std::string decoded(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto at = [&](std::size_t k) {
      return k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0u;
    };
    const unsigned lead = at(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    std::size_t good = 1;
    while (good < length) {
      unsigned low = 0x80, high = 0xBF;
      if (good == 1 && lead == 0xE0) low = 0xA0;
      if (good == 1 && lead == 0xED) high = 0x9F;
      if (good == 1 && lead == 0xF0) low = 0x90;
      if (good == 1 && lead == 0xF4) high = 0x8F;
      if (at(i + good) < low || at(i + good) > high) break;
      ++good;
    }
    if (length != 0 && good == length) {
      text.append(bytes.substr(i, length));
    } else {
      text.append("\uFFFD");
    }
    i += good;
  }
  return text;
}

Outcome read(const std::vector<std::string_view>& pieces) {
  Outcome outcome;
  SseReader reader;
  for (const std::string_view piece : pieces) {
    // A copy that is overwritten afterwards: a view that outlives its call shows.
    std::string bytes(piece);
    EXPECT_TRUE(reader.feed(bytes, [&](const SseReader::Event& event) {
      outcome.events.push_back(
          {std::string(event.type.empty() ? "message" : event.type), decoded(event.data), decoded(event.id)});
      return true;
    }));
    bytes.assign(bytes.size(), '#');
  }
  outcome.retry = reader.retry_ms();
  return outcome;
}

std::string base64_decoded(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 1, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  bytes.resize(static_cast<std::size_t>(length));
  if (text.ends_with("==")) {
    bytes.resize(bytes.size() - 2);
  } else if (text.ends_with("=")) {
    bytes.resize(bytes.size() - 1);
  }
  return bytes;
}

// Found by sse_reader_fuzz: a line that came whole was weighed without the data before it.
TEST(SseReader, WeighsAnEventTheSameHoweverItIsCut) {
  const std::string stream = "data: " + std::string(20, 'x') + "\n: " + std::string(30, 'y') + "\n\n";
  for (std::size_t max = 20; max < 70; ++max) {
    const auto good = [&](std::size_t piece) {
      SseReader reader(max);
      bool going = true;
      for (std::size_t i = 0; going && i < stream.size(); i += piece)
        going = reader.feed(std::string_view(stream).substr(i, piece),
                            [](const SseReader::Event&) { return true; });
      return going;
    };
    EXPECT_EQ(good(stream.size()), max >= 52) << max;
    EXPECT_EQ(good(1), max >= 52) << max;
  }
}

// Does one vector's stream come to what it should, cut so?
bool agrees(const json::Value& vector, const std::vector<Seen>& expected,
            const std::vector<std::string_view>& pieces) {
  const Outcome outcome = read(pieces);
  EXPECT_EQ(outcome.events, expected);
  // The one that the corpus does not judge is beyond 64 bits: ours is to ignore it.
  const bool retry_agrees = outcome.retry == vector["retry"].integer_or(-1);
  EXPECT_TRUE(retry_agrees) << outcome.retry;
  return retry_agrees && outcome.events == expected;
}

bool agrees_however_cut(const json::Value& vector) {
  const std::string stream = base64_decoded(vector["stream_b64"].string_or(""));
  EXPECT_EQ(static_cast<std::int64_t>(stream.size()), vector["bytes"].integer_or(-1));
  std::vector<Seen> expected;
  for (const json::Value event : vector["expected"]) {
    expected.push_back({std::string(event["type"].string_or("")), std::string(event["data"].string_or("")),
                        std::string(event["lastEventId"].string_or(""))});
  }
  const std::string_view bytes = stream;
  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
  if (!agrees(vector, expected, {bytes}) || !agrees(vector, expected, single)) return false;
  // Long streams hold the same few bytes over and over: every 97th cut of them is plenty.
  const std::size_t step = bytes.size() > 12'000 ? 97 : 1;
  for (std::size_t cut = 0; cut <= bytes.size(); cut += step) {
    SCOPED_TRACE("cut at " + std::to_string(cut));
    if (!agrees(vector, expected, {bytes.substr(0, cut), bytes.substr(cut)})) return false;
  }
  return true;
}

// Its table is read by tests/corpora.sse.test.mjs.
TEST(SseReader, AgreesWithEveryVectorWholeByteByByteAndAtEveryCut) {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  const auto path = std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") /
                    "data/corpora/sse/vectors.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the corpora are not at hand (AI_PROXY_SHARED)";
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  json::Document document;
  ASSERT_FALSE(document.parse(text, json::kProviderLimits));
  const json::Value vectors = document.root()["vectors"];
  EXPECT_EQ(vectors.size(), 75u);
  struct Row {
    std::size_t agreeing = 0, failed = 0;
  };
  std::map<std::string, Row> table;
  std::size_t judged = 0, failed = 0;
  for (const json::Value vector : vectors) {
    const std::string id(vector["id"].string_or(""));
    SCOPED_TRACE(id);
    Row& row = table[id.substr(0, id.find('-'))];
    const bool good = agrees_however_cut(vector);
    ++(good ? row.agreeing : row.failed);
    ++judged;
    if (!good) ++failed;
  }
  EXPECT_EQ(judged, vectors.size());
  EXPECT_EQ(failed, 0u);
  std::cout << "SSE " << judged << " judged of " << vectors.size() << ", " << failed << " failed\n";
  for (const auto& [group, row] : table) {
    std::cout << "SSE   " << group << ": expected the vector's events, got them × " << row.agreeing
              << ", failed " << row.failed << " of " << row.agreeing + row.failed << "\n";
  }
}

TEST(SseReader, HandsOutDataWithoutCopyingIt) {
  SseReader reader;
  const std::string bytes = "data: hello\n\n";
  EXPECT_TRUE(reader.feed(bytes, [&](const SseReader::Event& event) {
    EXPECT_EQ(event.data.data(), bytes.data() + 6);
    EXPECT_EQ(event.type, "");
    return true;
  }));
  EXPECT_EQ(reader.buffered(), 0u);
}

TEST(SseReader, CountsWhatItHoldsBack) {
  SseReader reader;
  const auto ignore = [](const SseReader::Event&) { return true; };
  EXPECT_TRUE(reader.feed("data: ab\ndata: c", ignore));
  EXPECT_EQ(reader.buffered(), 2u + 7u);
}

TEST(SseReader, RefusesAnEventBeyondTheBound) {
  int events = 0;
  const auto count = [&](const SseReader::Event&) {
    ++events;
    return true;
  };
  const auto line = [](std::size_t size) { return "data:" + std::string(size, 'x') + "\n"; };
  EXPECT_TRUE(SseReader(100).feed(line(95) + "\n", count));
  EXPECT_FALSE(SseReader(100).feed(line(96) + "\n", count));             // one line
  EXPECT_FALSE(SseReader(100).feed(line(60) + line(60) + "\n", count));  // many lines
  EXPECT_FALSE(SseReader(100).feed(std::string(101, ':'), count));       // a comment without an end
  EXPECT_EQ(events, 1);

  SseReader trickle(100);
  bool going = true;
  for (int i = 0; i < 200 && going; ++i) going = trickle.feed("x", count);
  EXPECT_FALSE(going);
  EXPECT_LE(trickle.buffered(), 101u);
}

TEST(SseReader, StopsWhenTheSinkSaysSo) {
  int events = 0;
  SseReader reader;
  EXPECT_FALSE(reader.feed("data:1\n\ndata:2\n\n", [&](const SseReader::Event&) { return ++events < 1; }));
  EXPECT_EQ(events, 1);
}

}  // namespace
}  // namespace ai_proxy::http
