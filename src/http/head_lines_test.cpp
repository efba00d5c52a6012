#include "http/head_lines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ai_proxy::http {
namespace {

using namespace std::string_view_literals;

LineScanner::Found scan_every_way(std::string_view text) {
  LineScanner whole;
  const LineScanner::Found found = whole.scan(text);
  LineScanner slow;
  LineScanner::Found last = LineScanner::Found::more;
  for (std::size_t size = 1; size <= text.size() && last == LineScanner::Found::more; ++size) {
    last = slow.scan(text.substr(0, size));
  }
  EXPECT_EQ(last, found) << text;
  if (found == LineScanner::Found::end) EXPECT_EQ(slow.end(), whole.end());
  EXPECT_EQ(slow.lines(), whole.lines());
  return found;
}

TEST(LineScanner, FindsTheEmptyLine) {
  EXPECT_EQ(scan_every_way("GET / HTTP/1.1\r\nA: b\tc\xC3\xA9\r\n\r\n"), LineScanner::Found::end);
  EXPECT_EQ(scan_every_way("\r\n"), LineScanner::Found::end);
  EXPECT_EQ(scan_every_way("A: b\r\nC"), LineScanner::Found::more);
  LineScanner scanner;
  EXPECT_EQ(scanner.scan("A: b\r\n\r\nbody\r\n\r\n"), LineScanner::Found::end);
  EXPECT_EQ(scanner.end(), 8u);
  EXPECT_EQ(scanner.lines(), 1u);
}

TEST(LineScanner, RefusesWhatParsersReadDifferentlyAtEveryPlace) {
  const std::string good = "GET /abc HTTP/1.1\r\nName: a value of some length\r\n\r\n";
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char c : {'\0', '\x01', '\n', '\r', '\x1F', '\x7F'}) {
      std::string bad = good;
      bad[at] = c;
      if (bad != good) EXPECT_EQ(scan_every_way(bad), LineScanner::Found::bad) << at << ": " << int(c);
    }
  }
  EXPECT_EQ(scan_every_way("A: b\r\n c\r\n\r\n"), LineScanner::Found::bad);
  EXPECT_EQ(scan_every_way("A: b\r\n\tc\r\n\r\n"), LineScanner::Found::bad);
  EXPECT_EQ(scan_every_way(" A: b\r\n"), LineScanner::Found::bad);
}

TEST(TakeLine, SplitsAtEveryLineEnd) {
  std::string_view text = "one\r\n\r\ntwo\r\n";
  EXPECT_EQ(take_line(text), "one");
  EXPECT_EQ(take_line(text), "");
  EXPECT_EQ(take_line(text), "two");
  EXPECT_TRUE(text.empty());
}

TEST(TakeField, WantsATokenAndAColon) {
  const auto split = [](std::string_view line) {
    const std::string text = std::string(line) + "\r\nnext";
    std::string_view rest = text;
    const std::optional<Field> field = take_field(rest);
    EXPECT_EQ(rest, field ? "next" : text);
    return field ? std::string(field->name) + "|" + std::string(field->value) : "none";
  };
  EXPECT_EQ(split("X-A:b"), "X-A|b");
  EXPECT_EQ(split("X-A: \t b c \t"), "X-A|b c");
  EXPECT_EQ(split("X-A:"), "X-A|");
  EXPECT_EQ(split("X-A: \t "), "X-A|");
  EXPECT_EQ(split("!#$%&'*+-.^_`|~09azAZ: x:y"), "!#$%&'*+-.^_`|~09azAZ|x:y");
  EXPECT_EQ(split("X: \xC3\xA9\xFF"), "X|\xC3\xA9\xFF");
  for (const std::string_view bad : {""sv, "X"sv, ":"sv, ": x"sv, "X : y"sv, "X\t: y"sv, "X Y: z"sv,
                                     "\xC3\xA9: z"sv, "X(: y"sv, "X\": y"sv, "X/: y"sv, "X@: y"sv, "X[]: y"sv,
                                     "X{}: y"sv, "X\\: y"sv, "X,Y: z"sv, "X;: y"sv, "X=: y"sv}) {
    EXPECT_EQ(split(bad), "none") << bad;
  }
}

TEST(TakeElement, GivesEmptyOnesToo) {
  const auto elements = [](std::string_view value) {
    std::vector<std::string_view> all;
    std::optional<std::string_view> list = value;
    while (const std::optional<std::string_view> element = take_element(list)) all.push_back(*element);
    return all;
  };
  EXPECT_EQ(elements("a, b c\t,,d "), (std::vector{"a"sv, "b c"sv, ""sv, "d"sv}));
  EXPECT_EQ(elements(""), std::vector{""sv});
  EXPECT_EQ(elements(","), (std::vector{""sv, ""sv}));
}

TEST(Recognise, KnowsNamesInEveryCaseAndNothingElse) {
  EXPECT_EQ(recognise("Host"), FieldName::host);
  EXPECT_EQ(recognise("EXPECT"), FieldName::expect);
  EXPECT_EQ(recognise("connection"), FieldName::connection);
  EXPECT_EQ(recognise("Proxy-Connection"), FieldName::connection);
  EXPECT_EQ(recognise("Content-Type"), FieldName::content_type);
  EXPECT_EQ(recognise("authorizatioN"), FieldName::authorization);
  EXPECT_EQ(recognise("cOntent-lenGth"), FieldName::content_length);
  EXPECT_EQ(recognise("Content-Encoding"), FieldName::content_encoding);
  EXPECT_EQ(recognise("Transfer-Encoding"), FieldName::transfer_encoding);
  for (const std::string_view known :
       {"host"sv, "expect"sv, "connection"sv, "proxy-connection"sv, "content-type"sv, "authorization"sv,
        "content-length"sv, "content-encoding"sv, "transfer-encoding"sv}) {
    // Whatever else a name may hold at any place makes it another one.
    for (std::size_t at = 0; at < known.size(); ++at) {
      for (int c = 0x21; c < 0x100; ++c) {
        std::string name(known);
        name[at] = static_cast<char>(c);
        const bool same = ascii_iequals(name, known);
        EXPECT_EQ(recognise(name) != FieldName::other, same) << name;
      }
    }
    EXPECT_EQ(recognise(std::string(known) + "x"), FieldName::other);
    EXPECT_EQ(recognise(known.substr(1)), FieldName::other);
  }
}

// RFC 9110, 7.6.1; RFC 9112, 9.3.
TEST(ConnectionOptions, AreAListOfTokens) {
  const auto options = [](std::initializer_list<std::string_view> values) {
    ConnectionOptions all;
    for (const std::string_view value : values) EXPECT_TRUE(all.take(value)) << value;
    return all;
  };
  EXPECT_TRUE(options({}).persists(false));
  EXPECT_FALSE(options({}).persists(true));
  EXPECT_TRUE(options({""}).persists(false));
  EXPECT_TRUE(options({" , ,"}).persists(false));
  EXPECT_FALSE(options({"Close"}).persists(false));
  EXPECT_FALSE(options({"Upgrade, HTTP2-Settings,close"}).persists(false));
  EXPECT_FALSE(options({"keep-alive", "close"}).persists(false));
  EXPECT_FALSE(options({"keep-alive, close"}).persists(true));
  EXPECT_TRUE(options({"closed, close-d"}).persists(false));
  EXPECT_TRUE(options({"upgrade ,\tKeep-Alive"}).persists(true));
  EXPECT_FALSE(options({"keep-alive-x"}).persists(true));
  for (const std::string_view bad :
       {"close keep-alive", "close;q=1", "a=b", "\"close\"", "close, \xC3\xA9", "(x)"}) {
    EXPECT_FALSE(ConnectionOptions().take(bad)) << bad;
  }
}

}  // namespace
}  // namespace ai_proxy::http
