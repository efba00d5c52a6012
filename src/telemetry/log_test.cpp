// The log: what lines look like, that nothing from outside can forge one, and that it never holds up a
// request.
#include "telemetry/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "telemetry/escape.h"
#include "telemetry/log_line.h"

namespace ai_proxy::telemetry {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string escaped(std::string_view text, Quoting quoting = Quoting::json, std::size_t bytes_max = 1000) {
  std::string line;
  append_escaped(line, text, bytes_max, quoting);
  return line;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

AccessRecord full_record() {
  AccessRecord record;
  record.request_id = "r-1";
  record.client_address = "127.0.0.1";
  record.method = "POST";
  record.path = "/v1/chat?key=secret";
  record.status = 200;
  record.provider = "openai";
  record.model = "gpt-4o";
  record.stream = true;
  record.cache = "MISS";
  record.attempts = 2;
  record.input_tokens = 12;
  record.output_tokens = 34;
  record.cost_usd = "0.000275";
  record.finish_reason = "stop";
  record.latency_us = 1234567;
  record.overhead_us = 85;
  record.first_token_us = 400000;
  record.response_bytes = 512;
  return record;
}

TEST(EscapeTest, LetsOrdinaryTextThrough) {
  EXPECT_EQ(escaped("gpt-4o mini (1)"), "gpt-4o mini (1)");
  EXPECT_EQ(escaped("Grüße 日本 😀"), "Grüße 日本 😀");
}

TEST(EscapeTest, NeutralisesWhatCouldForgeOrDisturbALine) {
  EXPECT_EQ(escaped("a\r\nb\tc"), "a\\r\\nb\\tc");
  EXPECT_EQ(escaped("\x1b[31m"), "\\u001b[31m");
  EXPECT_EQ(escaped(std::string_view("\0\x7f", 2)), "\\u0000\\u007f");
  EXPECT_EQ(escaped("\xC2\x9B"), "\\u009b");                         // C1: CSI
  EXPECT_EQ(escaped("\xE2\x80\xA8\xE2\x80\xA9"), "\\u2028\\u2029");  // line and paragraph separator
  EXPECT_EQ(escaped("\xE2\x80\xAE\xE2\x81\xA6"), "\\u202e\\u2066");  // bidirectional marks
  EXPECT_EQ(escaped("\xF3\xA0\x81\x81"), "\\udb40\\udc41");          // a tag character
  EXPECT_EQ(escaped("\"\\"), "\\\"\\\\");
  EXPECT_EQ(escaped("\"\\\n", Quoting::plain), "\"\\\\n");
}

TEST(EscapeTest, ReplacesWhatIsNotUtf8) {
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(escaped("a\xFFz"), "a" + replacement + "z");
  EXPECT_EQ(escaped("\xE2\x82"), replacement + replacement);                    // cut short
  EXPECT_EQ(escaped("\xC0\x8A"), replacement + replacement);                    // overlong line feed
  EXPECT_EQ(escaped("\xED\xA0\x80"), replacement + replacement + replacement);  // a surrogate
  EXPECT_EQ(escaped("\xF4\x90\x80\x80"), replacement + replacement + replacement + replacement);
}

TEST(EscapeTest, CapsWithoutCuttingACharacter) {
  EXPECT_EQ(escaped("abcdef", Quoting::json, 4), "abcd…");
  EXPECT_EQ(escaped("ab€cd", Quoting::json, 4), "ab…");
  EXPECT_EQ(escaped("abcd", Quoting::json, 4), "abcd");
}

TEST(LogLineTest, WritesAccessMembersInAFixedOrder) {
  std::string line;
  append_json_access(line, full_record());
  EXPECT_THAT(
      line,
      MatchesRegex(
          R"(\{"time":"20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9][0-9][0-9]Z",.*)"));
  EXPECT_THAT(
      line,
      HasSubstr(
          R"(,"level":"info","message":"request","request_id":"r-1","client_address":"127.0.0.1","method":"POST",)"
          R"("path":"/v1/chat","status":200,"provider":"openai","model":"gpt-4o","stream":true,"cache":"MISS",)"
          R"("attempts":2,"input_tokens":12,"output_tokens":34,"cost_usd":"0.000275","finish_reason":"stop",)"
          R"("latency_us":1234567,"overhead_us":85,"first_token_us":400000,"response_bytes":512})"
          "\n"));
}

TEST(LogLineTest, OmitsWhatIsUnknown) {
  std::string line;
  AccessRecord record;
  record.method = "GET";
  record.path = "/";
  record.status = 404;
  append_json_access(line, record);
  for (const char* name :
       {"provider", "model", "cache", "attempts", "tokens", "usd", "error", "first_token"}) {
    EXPECT_THAT(line, Not(HasSubstr(name)));
  }
}

TEST(LogLineTest, StaysOneJsonObjectWhateverTheValues) {
  const std::string nasty = "\"},\n{\"forged\":\"\x1b[2J\xE2\x80\xAE\xFF\\";
  AccessRecord record = full_record();
  record.path = nasty;
  record.model = nasty;
  record.error_message = nasty;
  record.request_id = nasty;
  std::string access;
  append_json_access(access, record);
  std::string message;
  append_json_message(message, Level::warn, nasty, {{nasty, nasty}});
  for (const std::string& line : {access, message}) {
    EXPECT_EQ(lines_of(line).size(), 1u);
    json::Document document;
    const std::string text = line.substr(0, line.size() - 1);
    EXPECT_FALSE(document.parse(text).has_value()) << line;
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  }
}

TEST(LogLineTest, NeverShowsAQueryOrAKey) {
  std::string line;
  append_json_access(line, full_record());
  append_text_access(line, full_record(), false);
  append_json_message(line, Level::error, "refused: sk-abcdefgh12345678",
                      {{"header", "Bearer abcdefgh12345678"}});
  append_text_message(line, Level::error, "refused", {{"key", "sk-abcdefgh12345678"}}, false);
  EXPECT_THAT(line, Not(HasSubstr("secret")));
  EXPECT_THAT(line, Not(HasSubstr("abcdefgh")));
}

TEST(LogLineTest, CapsLongValues) {
  std::string line;
  AccessRecord record = full_record();
  const std::string long_text(1'000'000, 'x');
  record.path = record.model = record.error_message = record.request_id = long_text;
  append_json_access(line, record);
  append_json_message(line, Level::info, long_text, {{long_text, long_text}});
  EXPECT_LT(line.size(), 8000u);
}

TEST(LogLineTest, TextQuotesValuesThatCouldMislead) {
  std::string line;
  append_text_message(line, Level::warn, "redis is away", {{"host", "cache.local"}, {"reason", "a b=c\n\""}},
                      false);
  EXPECT_THAT(line, HasSubstr("Z WARN  redis is away host=cache.local reason=\"a b=c\\n\\\"\"\n"));
}

TEST(LogLineTest, ColoursOnlyWhenAsked) {
  std::string plain;
  append_text_access(plain, full_record(), false);
  append_text_message(plain, Level::info, "up", {{"a", "b"}}, false);
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  EXPECT_THAT(plain, HasSubstr(" 200 POST /v1/chat openai/gpt-4o 1235 ms (gateway 0.09 ms)"));
  EXPECT_THAT(plain, HasSubstr("12+34 tokens cost_usd=0.000275"));
  std::string painted;
  append_text_access(painted, full_record(), true);
  EXPECT_THAT(painted, HasSubstr("\x1b[32m200\x1b[0m"));
}

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ai-proxy-log-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    stop_log();
    std::filesystem::remove_all(directory_);
  }
  LogOptions options(const std::string& name, Format format = Format::json) const {
    return {.format = format, .level = Level::info, .access = true, .file = directory_ + "/" + name};
  }
  std::string directory_;
};

TEST_F(LogTest, WritesMessagesAndAccessLinesInOrder) {
  ASSERT_TRUE(start_log(options("a.log")));
  log(Level::debug, "not shown");
  log(Level::warn, "first", {{"host", "h"}});
  log_access(full_record());
  log(Level::error, "third");
  stop_log();
  const auto lines = lines_of(file_text(directory_ + "/a.log"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], HasSubstr(R"("level":"warn","message":"first","host":"h"})"));
  EXPECT_THAT(lines[1], HasSubstr(R"("message":"request")"));
  EXPECT_THAT(lines[2], HasSubstr("third"));
}

TEST_F(LogTest, IsSilentBeforeTheStartAndAfterTheStop) {
  log(Level::error, "nobody listens");
  ASSERT_TRUE(start_log(options("a.log")));
  stop_log();
  log(Level::error, "too late");
  log_access(full_record());
  stop_log();
  EXPECT_EQ(file_text(directory_ + "/a.log"), "");
}

TEST_F(LogTest, AccessLinesCanBeTurnedOff) {
  LogOptions quiet = options("a.log");
  quiet.access = false;
  ASSERT_TRUE(start_log(quiet));
  log_access(full_record());
  log(Level::info, "still here");
  stop_log();
  EXPECT_EQ(lines_of(file_text(directory_ + "/a.log")).size(), 1u);
}

TEST_F(LogTest, KeepsTheOldLogWhenTheNewFileCannotBeOpened) {
  ASSERT_TRUE(start_log(options("a.log")));
  EXPECT_FALSE(start_log(options("no/such/directory/b.log")));
  log(Level::info, "kept");
  stop_log();
  EXPECT_THAT(file_text(directory_ + "/a.log"), HasSubstr("kept"));
}

TEST_F(LogTest, KeepsTheOldLogWhenNoDescriptorIsLeftForTheNewOne) {
  ASSERT_TRUE(start_log(options("a.log")));
  log(Level::info, "first");  // what is looked at for the first time under a sanitizer wants a descriptor
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool to_standard =
      start_log({.format = Format::json, .level = Level::info, .access = true, .file = {}});
  const bool to_file = start_log(options("b.log"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(to_standard);
  EXPECT_FALSE(to_file);
  log(Level::info, "kept");
  stop_log();
  EXPECT_THAT(file_text(directory_ + "/a.log"), HasSubstr("kept"));
}

TEST_F(LogTest, AReloadReopensTheFileAfterRotation) {
  ASSERT_TRUE(start_log(options("a.log")));
  log(Level::info, "before");
  stop_log();
  ASSERT_TRUE(start_log(options("a.log")));
  std::filesystem::rename(directory_ + "/a.log", directory_ + "/a.log.1");
  ASSERT_TRUE(start_log(options("a.log")));
  log(Level::info, "after");
  stop_log();
  EXPECT_THAT(file_text(directory_ + "/a.log.1"), HasSubstr("before"));
  EXPECT_THAT(file_text(directory_ + "/a.log"), HasSubstr("after"));
}

TEST_F(LogTest, TheFileIsNotForEveryone) {
  ASSERT_TRUE(start_log(options("a.log")));
  struct stat status{};
  ASSERT_EQ(::stat((directory_ + "/a.log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07, 0u);
}

TEST_F(LogTest, ManyThreadsLoseNothing) {
  ASSERT_TRUE(start_log(options("a.log")));
  const std::uint64_t dropped_before = dropped_lines();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 1000; ++j) log_access(full_record());
    });
  }
  for (auto& thread : threads) thread.join();
  stop_log(std::chrono::seconds(10));
  const auto lines = lines_of(file_text(directory_ + "/a.log"));
  EXPECT_EQ(lines.size() + (dropped_lines() - dropped_before), 4000u);
  for (const auto& line : lines) ASSERT_TRUE(line.starts_with('{') && line.ends_with('}')) << line;
}

// Standard output or error connected to something else for the life of this object.
class Redirected {
 public:
  Redirected(int descriptor, int target) : descriptor_(descriptor), saved_(::dup(descriptor)) {
    ::dup2(target, descriptor);
  }
  ~Redirected() {
    ::dup2(saved_, descriptor_);
    ::close(saved_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int descriptor_;
  int saved_;
};

std::string read_available(int descriptor, milliseconds patience = milliseconds(500)) {
  std::string text;
  char buffer[65536];
  pollfd ready{descriptor, POLLIN, 0};
  while (::poll(&ready, 1, static_cast<int>(patience.count())) == 1) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
    patience = milliseconds(100);
  }
  return text;
}

// Far more lines than queue, buffers and pipe hold, into an output nobody reads.
void flood_is_dropped_not_waited_for(int descriptor_read, int descriptor_write) {
  const std::uint64_t dropped_before = dropped_lines();
  steady_clock::duration longest{};
  {
    const Redirected redirected(1, descriptor_write);
    ASSERT_TRUE(start_log({.format = Format::json, .level = Level::info, .access = true, .file = {}}));
    for (int i = 0; i < 50'000; ++i) {
      const auto begin = steady_clock::now();
      log_access(full_record());
      longest = std::max(longest, steady_clock::now() - begin);
    }
    const auto begin = steady_clock::now();
    stop_log(milliseconds(200));
    EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(2));
  }
  EXPECT_GT(dropped_lines(), dropped_before + 1000);
  EXPECT_LT(longest, milliseconds(500));
  EXPECT_FALSE(::fcntl(descriptor_write, F_GETFL) & O_NONBLOCK) << "flags of a shared descriptor changed";
  ::close(descriptor_write);
  const auto lines = lines_of(read_available(descriptor_read));
  EXPECT_GT(lines.size(), 10u);
  ::close(descriptor_read);
}

TEST_F(LogTest, AFullPipeNeverBlocksARequestThread) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  flood_is_dropped_not_waited_for(ends[0], ends[1]);
}

TEST_F(LogTest, AFullSocketNeverBlocksARequestThread) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  flood_is_dropped_not_waited_for(ends[0], ends[1]);
}

TEST_F(LogTest, ABlockedStandardOutputDoesNotHoldUpMessages) {
  int output[2];
  int error[2];
  ASSERT_EQ(::pipe(output), 0);
  ASSERT_EQ(::pipe(error), 0);
  std::string seen;
  {
    const Redirected first(1, output[1]);
    const Redirected second(2, error[1]);
    ASSERT_TRUE(start_log({.format = Format::json, .level = Level::info, .access = true, .file = {}}));
    for (int i = 0; i < 5000; ++i) log_access(full_record());
    log(Level::error, "heard all the same");
    seen = read_available(error[0], std::chrono::seconds(3));
    stop_log(milliseconds(50));
  }
  EXPECT_THAT(seen, HasSubstr("heard all the same"));
  for (const int descriptor : {output[0], output[1], error[0], error[1]}) ::close(descriptor);
}

TEST_F(LogTest, AReloadFreesAWriterThatIsStuck) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    const Redirected redirected(1, ends[1]);
    ASSERT_TRUE(start_log({.format = Format::json, .level = Level::info, .access = true, .file = {}}));
    for (int i = 0; i < 2000; ++i) log_access(full_record());
    ASSERT_TRUE(start_log(options("a.log")));
    log(Level::info, "to the file");
    stop_log(std::chrono::seconds(3));
  }
  const auto lines = lines_of(file_text(directory_ + "/a.log"));
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines.back(), HasSubstr("to the file"));
  for (const auto& line : lines) EXPECT_TRUE(line.starts_with('{') && line.ends_with('}')) << line;
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(LogTest, AReaderThatWentAwayIsSurvived) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    const Redirected redirected(1, ends[1]);
    ASSERT_TRUE(start_log({.format = Format::json, .level = Level::info, .access = true, .file = {}}));
    ::close(ends[0]);
    const std::uint64_t dropped_before = dropped_lines();
    log_access(full_record());
    stop_log();
    EXPECT_EQ(dropped_lines(), dropped_before + 1);
  }
  ::close(ends[1]);
}

TEST_F(LogTest, AFullDiskLosesLinesAndCountsThem) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  LogOptions full = options("unused");
  full.file = "/dev/full";
  ASSERT_TRUE(start_log(full));
  const std::uint64_t dropped_before = dropped_lines();
  log(Level::info, "lost");
  stop_log();
  EXPECT_EQ(dropped_lines(), dropped_before + 1);
}

TEST_F(LogTest, ARegularFileAsStandardOutputKeepsItsOffset) {
  const int file = ::open((directory_ + "/out").c_str(), O_WRONLY | O_CREAT, 0600);
  {
    const Redirected redirected(1, file);
    ASSERT_EQ(::write(1, "hello\n", 6), 6);
    ASSERT_TRUE(start_log({.format = Format::text, .level = Level::info, .access = true, .file = {}}));
    log_access(full_record());
    stop_log();
    ASSERT_EQ(::write(1, "bye\n", 4), 4);
  }
  ::close(file);
  const auto lines = lines_of(file_text(directory_ + "/out"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "hello");
  EXPECT_EQ(lines[2], "bye");
}

}  // namespace
}  // namespace ai_proxy::telemetry
