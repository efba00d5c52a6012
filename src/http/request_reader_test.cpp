#include "http/request_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <vector>

namespace ai_proxy::http {
namespace {

constexpr ServerLimits kLimits;

// What a server that answers every proper request with 200 would do with these bytes.
struct Verdict {
  std::vector<int> statuses;
  bool closes = false;
  std::string body;  // of the last request
  bool operator==(const Verdict&) const = default;
};

Verdict judge(std::string_view bytes, std::size_t piece = SIZE_MAX, const ServerLimits& limits = kLimits) {
  Verdict verdict;
  RequestReader reader;
  reader.begin(limits);
  while (!bytes.empty() && !verdict.closes) {
    std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    while (!part.empty() && !verdict.closes) {
      part.remove_prefix(reader.feed(part));
      if (reader.state() == RequestReader::State::fault) {
        verdict.statuses.push_back(reader.fault().status);
        EXPECT_FALSE(reader.fault().code.empty());
        EXPECT_TRUE(reader.fault().message.ends_with('.'));
        verdict.closes = true;
      } else if (reader.state() == RequestReader::State::complete) {
        verdict.statuses.push_back(200);
        verdict.closes = !reader.head().keep_alive;
        verdict.body = reader.request().body;
        EXPECT_GE(reader.request().body.capacity(), reader.request().body.size() + json::kPadding);
        reader.begin(limits);
      } else {
        EXPECT_TRUE(part.empty());
      }
    }
  }
  return verdict;
}

// The first status; 0 when the bytes are no complete request.
int status(std::string_view bytes, const ServerLimits& limits = kLimits) {
  const Verdict verdict = judge(bytes, SIZE_MAX, limits);
  if (bytes.size() < 4000) {
    const Verdict slow = judge(bytes, 1, limits);
    EXPECT_EQ(slow.statuses, verdict.statuses) << bytes;
  }
  return verdict.statuses.empty() ? 0 : verdict.statuses.front();
}

std::string head(std::string_view fields) {
  return "POST /x HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}

TEST(RequestReader, GivesTheRequestAsViews) {
  RequestReader reader;
  reader.begin(kLimits);
  const std::string bytes =
      "POST /v1/chat?stream=true&a=%20 HTTP/1.1\r\nHost: localhost:8080\r\nX-Two:\t two words "
      "\r\nContent-Length: 5\r\n\r\nhelloGET /";
  EXPECT_EQ(reader.feed(bytes), bytes.size() - 5);
  ASSERT_EQ(reader.state(), RequestReader::State::complete);
  Request& request = reader.request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/chat");
  EXPECT_EQ(request.query, "stream=true&a=%20");
  EXPECT_EQ(request.headers.size(), 3u);
  EXPECT_EQ(request.headers.get("x-two"), "two words");
  EXPECT_EQ(request.body, "hello");
  EXPECT_TRUE(reader.head().keep_alive);

  reader.begin(kLimits);
  reader.feed("GET http://localhost?q HTTP/1.0\r\n\r\n");
  ASSERT_EQ(reader.state(), RequestReader::State::complete);
  EXPECT_EQ(request.path, "/");
  EXPECT_EQ(request.query, "q");
  EXPECT_EQ(request.body, "");
  EXPECT_FALSE(reader.head().keep_alive);
}

TEST(RequestReader, TakesABodyOfKnownLengthWithoutACopy) {
  RequestReader reader;
  reader.begin(kLimits);
  reader.feed(head("Content-Length: 200000\r\n"));
  std::size_t sent = 0;
  while (reader.wants_body_bytes()) {
    sent += reader.fill_body([](char* space, std::size_t room) {
      EXPECT_GT(room, 0u);
      const std::size_t part = std::min<std::size_t>(room, 30'000);
      std::fill_n(space, part, 'b');
      return part;
    });
  }
  EXPECT_EQ(sent, 200'000u);
  EXPECT_EQ(reader.request().body, std::string(200'000, 'b'));
  EXPECT_GE(reader.request().body.capacity(), 200'000 + json::kPadding);
}

TEST(RequestReader, AnnouncingABodyTakesNoMemory) {
  RequestReader reader;
  reader.begin(kLimits);
  reader.feed(head("Content-Length: 10000000\r\n") + "x");
  EXPECT_LT(reader.request().body.capacity(), 128u * 1024);
}

TEST(RequestReader, RemovesChunkedFramingCutAnywhere) {
  const std::string bytes =
      head("Transfer-Encoding: Chunked\r\n") +
      "5;a;b=c;d=\"q \\\" ;\"\r\nhello\r\n0006\r\n world\r\n00\r\nX-Sum: abc\r\nY:\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Verdict verdict = judge(bytes, piece);
    ASSERT_EQ(verdict.statuses, std::vector<int>{200}) << piece;
    ASSERT_EQ(verdict.body, "hello world") << piece;
  }
}

TEST(RequestReader, KnowsWhoWaitsForContinue) {
  RequestReader reader;
  reader.begin(kLimits);
  reader.feed(head("Content-Length: 5\r\nExpect: 100-Continue\r\n"));
  EXPECT_TRUE(reader.awaits_continue());
  reader.feed("h");
  EXPECT_FALSE(reader.awaits_continue());
  reader.begin(kLimits);
  reader.feed("POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(reader.awaits_continue());
  EXPECT_EQ(status(head("Expect: 200-ok\r\n")), 417);
}

TEST(RequestReader, KeepsConnectionsAliveAsAskedFor) {
  const auto keeps = [](std::string_view bytes) { return !judge(bytes).closes; };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(
      keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nProxy-Connection: close\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade,, HTTP2-Settings\r\n\r\n"));
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep alive\r\n\r\n"), 400);
}

TEST(RequestReader, RefusesAmbiguousFraming) {
  EXPECT_EQ(status(head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status(head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")), 400);
  EXPECT_EQ(status(head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(status(head("Transfer-Encoding: chunked, identity\r\n")), 400);
  EXPECT_EQ(status(head("Transfer-Encoding:\r\n")), 400);
  EXPECT_EQ(status(head("Transfer-Encoding: gzip\r\n")), 501);
  EXPECT_EQ(status(head("Transfer-Encoding: xchunked\r\n")), 501);
  EXPECT_EQ(status(head("Transfer-Encoding: gzip, chunked\r\n")), 415);
  EXPECT_EQ(status(head("Content-Encoding: gzip\r\nContent-Length: 0\r\n")), 415);
  EXPECT_NE(status(head("Content-Encoding: identity\r\nContent-Length: 0\r\n")), 415);
  EXPECT_EQ(status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  for (const std::string_view length :
       {"+5", "-5", "0x5", "5 5", "5,5", "", "five", "18446744073709551616", "5.0"}) {
    EXPECT_EQ(status(head("Content-Length: " + std::string(length) + "\r\n")), 400) << length;
  }
  EXPECT_EQ(status(head("Content-Length: 0\r\nContent-Length: 0\r\n")), 400);
}

TEST(RequestReader, RefusesWhatIsNoProperLine) {
  EXPECT_EQ(status("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status(head("X: a\r\n b\r\n")), 400);
  EXPECT_EQ(status(head("X : a\r\n")), 400);
  EXPECT_EQ(status(head("X: a\x01\r\n")), 400);
  EXPECT_EQ(status(head("X: a\x7F\r\n")), 400);
  EXPECT_EQ(status(head(std::string_view("X: a\0b\r\n", 8))), 400);
  EXPECT_EQ(status(head("X\xC3\xA9: a\r\n")), 400);
  EXPECT_EQ(status(head("X: \xC3\xA9\ta\r\n")), 200);
  EXPECT_EQ(status("\r\n" + head("")), 200);
  EXPECT_EQ(status("\r\n\r\n" + head("")), 400);
  EXPECT_EQ(status("GET  / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(status("GET /a b HTTP/1.1\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/2.0\r\n"), 505);
  EXPECT_EQ(status("GET / HTTP/5.6"), 505);
  EXPECT_EQ(status("GET / HTTP/1.10"), 400);
  EXPECT_EQ(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  for (const std::string_view method : {"FOOBAR", "get", "CONNECT", "TRACE", "PRI"}) {
    EXPECT_EQ(status(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 501) << method;
  }
  for (const std::string_view method : {"GET", "QUERY", "M-SEARCH", "UNSUBSCRIBE"}) {
    EXPECT_EQ(status(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 200) << method;
  }
  EXPECT_EQ(status("GET /a\tb HTTP/1.1\r\n"), 400);
}

TEST(RequestReader, RefusesDoubtfulTargetsAndHosts) {
  const auto target = [](std::string_view text) {
    return status("GET " + std::string(text) + " HTTP/1.1\r\nHost: a.b\r\n\r\n");
  };
  for (const std::string_view good : {"/", "/a/b?c=%00&d=|", "http://a.b/x", "HTTP://A.B?x"})
    EXPECT_EQ(target(good), 200) << good;
  for (const std::string_view bad :
       {"*", "a", "a.b:80", "/a#b", "/a\\b", "/\xC3\xA9", "/%0a", "/%00", "/%zz", "/%4", "http://",
        "http:///", "http://other/", "http://u@a.b/", "ftp://a.b/"}) {
    EXPECT_EQ(target(bad), 400) << bad;
  }
  const auto host = [](std::string_view text) {
    return status("GET / HTTP/1.1\r\nHost:" + std::string(text) + "\r\n\r\n");
  };
  for (const std::string_view good : {"a", "a.b:1", "[::1]:65535", " x_y "})
    EXPECT_EQ(host(good), 200) << good;
  for (const std::string_view bad :
       {"", "a/b", "u@a", "a,b", "a b", "[::1", "[]", "a:b", ":80", "a:1:2", "a\r\nHost: a"})
    EXPECT_EQ(host(bad), 400) << bad;
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);
}

TEST(RequestReader, HoldsEveryLimit) {
  const std::string target(kLimits.target_bytes_max, 'a');
  EXPECT_EQ(status("GET /" + target.substr(1) + " HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_EQ(status("GET /" + target), 414);
  EXPECT_EQ(status(std::string(33, 'A')), 400);
  EXPECT_EQ(status(head("X: " + std::string(kLimits.head_bytes_max, 'x'))), 431);
  const std::size_t fixed = head("X: \r\n").size();
  EXPECT_EQ(status(head("X: " + std::string(kLimits.head_bytes_max - fixed, 'x') + "\r\n")), 200);
  EXPECT_EQ(status(head("X: " + std::string(kLimits.head_bytes_max - fixed + 1, 'x') + "\r\n")), 431);
  std::string fields;
  for (std::size_t i = 1; i < kLimits.fields_max; ++i) fields += "X: y\r\n";
  EXPECT_EQ(status(head(fields)), 200);
  EXPECT_EQ(status(head(fields + "X: y\r\n")), 431);
  EXPECT_EQ(status(head("Content-Length: 10485761\r\n")), 413);

  ServerLimits small;
  small.body_bytes_max = 10;
  small.chunk_overhead_bytes = 40;
  small.head_bytes_max = 200;
  const std::string chunked = head("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(status(chunked + "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n", small), 200);
  EXPECT_EQ(status(chunked + "5\r\nhello\r\n6\r\n", small), 413);
  EXPECT_EQ(status(chunked + "FFFFFFFFFFFFFFF\r\n", small), 413);
  EXPECT_EQ(status(chunked + "1;" + std::string(50, 'e'), small), 400);
  EXPECT_EQ(status(chunked + "0\r\nX: " + std::string(200, 't'), small), 431);
  small.fields_max = 3;
  EXPECT_EQ(status(chunked + "0\r\nX: y\r\nX: y\r\nX: y\r\n\r\n", small), 200);
  EXPECT_EQ(status(chunked + "0\r\nX: y\r\nX: y\r\nX: y\r\nX: y\r\n\r\n", small), 431);
}

TEST(RequestReader, RefusesBrokenChunks) {
  const auto chunks = [](std::string_view text) {
    return status(head("Transfer-Encoding: chunked\r\n") + std::string(text));
  };
  for (const std::string_view bad : {"+5\r\n",
                                     "-1\r\n",
                                     "0x5",
                                     " 5",
                                     "5 \r\n",
                                     "5;\r\n",
                                     "5;a=\r\n",
                                     "5;bad[=x\r\n",
                                     "5;a=\"x\r\n",
                                     "5\n",
                                     "5\r\r",
                                     "\r\n",
                                     "g",
                                     "1_0",
                                     "5\r\nhello!",
                                     "5\r\nhello\n",
                                     "10000000000000000\r\n",
                                     "0\r\n X\r\n",
                                     "0\r\nX\r\n",
                                     "0\r\nX : y\r\n",
                                     "0\r\nX: y\n"}) {
    EXPECT_EQ(chunks(bad), 400) << bad;
  }
  EXPECT_EQ(chunks("5\r\nhello\r\n"), 0);
  EXPECT_EQ(chunks("0\r\n"), 0);
}

TEST(QueryValue, FindsAndDecodes) {
  EXPECT_EQ(query_value("stream=true", "stream"), "true");
  EXPECT_EQ(query_value("a=1&stream&b=2", "stream"), "");
  EXPECT_EQ(query_value("a=1&stream=&b=2", "stream"), "");
  EXPECT_EQ(query_value("a=x%20y+z%&b=%C3%A9", "a"), "x y z%");
  EXPECT_EQ(query_value("%61=1", "a"), "1");
  EXPECT_EQ(query_value("aa=1&a=2&a=3", "a"), "2");
  EXPECT_EQ(query_value("", "a"), std::nullopt);
  EXPECT_EQ(query_value("b=a", "a"), std::nullopt);
}

// --- the corpora ---

class RequestCorpus : public testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("AI_PROXY_SHARED");
    folder_ = std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") /
              "data/corpora/http1-requests";
    if (!std::filesystem::exists(folder_)) GTEST_SKIP() << "the corpora are not at hand (AI_PROXY_SHARED)";
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string request(std::string_view suite, json::Value file) const {
    std::string bytes = read(folder_ / suite / file.string_or(""));
    for (std::size_t at; (at = bytes.find("{{KEY}}")) != std::string::npos;) bytes.replace(at, 7, "sk-test");
    return bytes;
  }
  // Parsed into `document_`; its text lives in `text_`.
  json::Value manifest(std::string_view suite) {
    text_ = read(folder_ / suite / "manifest.json");
    EXPECT_FALSE(document_.parse(text_, json::kProviderLimits));
    return document_.root();
  }
  // The same verdict however the bytes are cut.
  static Verdict judge_every_way(const std::string& bytes) {
    const Verdict verdict = judge(bytes);
    for (const std::size_t piece : {1u, 2u, 7u}) {
      if (bytes.size() < 20'000) EXPECT_EQ(judge(bytes, piece).statuses, verdict.statuses) << piece;
    }
    return verdict;
  }

  std::filesystem::path folder_;
  std::string text_;
  json::Document document_;
};

bool is_refused(const Verdict& verdict) {
  return !verdict.statuses.empty() && verdict.statuses.front() != 200;
}
bool is_accepted(const Verdict& verdict) {
  // 415 is a proper request for which a server has an answer.
  return !verdict.statuses.empty() && (verdict.statuses.front() == 200 || verdict.statuses.front() == 415);
}

TEST_F(RequestCorpus, AgreesWithOurOwnVectors) {
  int judged = 0;
  for (const json::Value vector : manifest("own")["cases"]) {
    if (vector["level"].string_or("") != "parser") continue;
    SCOPED_TRACE(vector["id"].string_or(""));
    const Verdict verdict = judge_every_way(request("own", vector["file"]));
    const std::string_view id = vector["id"].string_or("");
    const std::string_view expect = vector["expect"].string_or("");
    ++judged;
    if (expect == "accept") EXPECT_TRUE(is_accepted(verdict));
    if (expect == "reject" || expect == "prefer_reject") EXPECT_TRUE(is_refused(verdict));
    if (expect == "incomplete") EXPECT_TRUE(verdict.statuses.empty() || verdict.statuses.front() == 400);
    if (expect != "incomplete") EXPECT_FALSE(verdict.statuses.empty());
    if (is_refused(verdict)) {
      bool listed = verdict.statuses.front() == 415;
      for (const json::Value status : vector["status"])
        listed |= status.integer_or(0) == verdict.statuses.front();
      EXPECT_TRUE(listed) << verdict.statuses.front();
    }
    if (id == "pipeline-100") EXPECT_EQ(verdict.statuses.size(), 100u);
    if (id == "pipeline-post-get") EXPECT_EQ(verdict.statuses.size(), 2u);
    if (id == "te-and-cl-smuggle" || id == "cl-get-body-as-request") EXPECT_EQ(verdict.statuses.size(), 1u);
  }
  EXPECT_GT(judged, 60);
}

TEST_F(RequestCorpus, AgreesWithLlhttpWhereItIsStrict) {
  int judged = 0;
  for (const json::Value vector : manifest("llhttp")["request"]) {
    if (vector["mode"].string_or("") != "request" ||
        vector["gateway_expect_with_host"].string_or("") == "n/a")
      continue;
    SCOPED_TRACE(vector["id"].string_or(""));
    const bool with_host = vector["file_with_host"].is_string();
    const std::string_view expect =
        vector[with_host ? "gateway_expect_with_host" : "gateway_expect"].string_or("");
    const Verdict verdict = judge_every_way(request("llhttp", vector[with_host ? "file_with_host" : "file"]));
    ++judged;
    if (expect == "accept") EXPECT_TRUE(is_accepted(verdict));
    if (expect == "reject") EXPECT_TRUE(is_refused(verdict));
    if (expect == "either") EXPECT_FALSE(verdict.statuses.empty());
    if (expect == "incomplete") EXPECT_TRUE(verdict.statuses.empty() || verdict.statuses.front() == 400);
    if (expect == "first_only") EXPECT_EQ(verdict.statuses.size(), 1u);
  }
  EXPECT_EQ(judged, 133);
}

std::set<std::int64_t> integers(json::Value list) {
  std::set<std::int64_t> result;
  for (const json::Value value : list) result.insert(value.integer_or(0));
  return result;
}

TEST_F(RequestCorpus, FailsNoSingleMessageOfHttp11Probe) {
  int judged = 0;
  for (const json::Value vector : manifest("http11probe")["cases"]) {
    if (vector["kind"].string_or("") != "single" || !vector["scored"].boolean_or(false)) continue;
    SCOPED_TRACE(vector["id"].string_or(""));
    const Verdict verdict = judge_every_way(request("http11probe", vector["file"]));
    ++judged;
    if (verdict.statuses.empty()) {
      // A server would close after its deadline.
      EXPECT_NE(vector["no_response"]["timedout"].string_or(""), "Fail");
      continue;
    }
    std::set<std::int64_t> allowed = integers(vector["pass_status"]);
    allowed.merge(integers(vector["warn_status"]));
    if (verdict.closes) {
      allowed.merge(integers(vector["pass_status_if_closed"]));
      allowed.merge(integers(vector["warn_status_if_closed"]));
    }
    const int first = verdict.statuses.front();
    // Which answer a proper request gets is the handler's business; how a broken one is refused may differ in
    // detail.
    const bool good =
        first == 200
            ? std::ranges::any_of(allowed,
                                  [](auto status) { return status < 400 || status == 405 || status == 404; })
            : allowed.contains(first) || allowed.contains(400);
    EXPECT_TRUE(good || allowed.empty()) << first;
  }
  EXPECT_GT(judged, 100);
}

}  // namespace
}  // namespace ai_proxy::http
