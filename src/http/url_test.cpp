#include "http/url.h"

#include <gtest/gtest.h>

namespace ai_proxy::http {
namespace {

Origin origin_of(std::string_view url) {
  const Result<Origin> origin = parse_base_url(url);
  EXPECT_TRUE(origin) << url << ": " << (origin ? "" : origin.error().message);
  return origin.value_or(Origin{});
}

TEST(ParseBaseUrl, TreatsEverySpellingAlike) {
  for (const std::string_view url :
       {"https://api.openai.com", "https://api.openai.com/", "https://api.openai.com/v1",
        "https://api.openai.com/v1/", "HTTPS://API.OpenAI.com:443//", "https://api.openai.com:/v1//"}) {
    EXPECT_EQ(origin_of(url), (Origin{true, "api.openai.com", 443, ""})) << url;
  }
}

TEST(ParseBaseUrl, KeepsAPathPrefix) {
  EXPECT_EQ(origin_of("http://host/base/v1/"), (Origin{false, "host", 80, "/base"}));
  EXPECT_EQ(origin_of("http://host/base"), (Origin{false, "host", 80, "/base"}));
  EXPECT_EQ(origin_of("http://host/Proxy/openai/"), (Origin{false, "host", 80, "/Proxy/openai"}));
  EXPECT_EQ(origin_of("http://host/apiv1").path_prefix, "/apiv1");
  EXPECT_EQ(origin_of("http://host/v1/a").path_prefix, "/v1/a");
}

TEST(ParseBaseUrl, ReadsPortsAndAddresses) {
  EXPECT_EQ(origin_of("http://127.0.0.1:9000/"), (Origin{false, "127.0.0.1", 9000, ""}));
  EXPECT_EQ(origin_of("http://[::1]:8080"), (Origin{false, "::1", 8080, ""}));
  EXPECT_EQ(origin_of("https://[2001:DB8::A]/v1"), (Origin{true, "2001:db8::a", 443, ""}));
}

TEST(ParseBaseUrl, NamesTheAuthorityForTheHostField) {
  EXPECT_EQ(origin_of("https://api.openai.com:443").authority(), "api.openai.com");
  EXPECT_EQ(origin_of("http://api.openai.com:443").authority(), "api.openai.com:443");
  EXPECT_EQ(origin_of("http://127.0.0.1:9000").authority(), "127.0.0.1:9000");
  EXPECT_EQ(origin_of("https://[::1]:80").authority(), "[::1]:80");
  EXPECT_EQ(origin_of("http://[::1]").authority(), "[::1]");
}

TEST(ParseBaseUrl, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "http:// or https://"},
      {"api.openai.com", "http:// or https://"},
      {"ftp://host", "http:// or https://"},
      {"http:/host", "http:// or https://"},
      {"http://", "no host name"},
      {"http:///v1", "no host name"},
      {"http://:80", "no host name"},
      {"http://user:hunter2@host", "user name"},
      {"http://host?key=hunter2", "query"},
      {"http://host/#a", "fragment"},
      {"http://ho st/", "host name"},
      {"http://h\xc3\xb6st/", "host name"},
      {"http://host\r\nx: y/", "host name"},
      {"http://a..b/", "empty part"},
      {"http://host./", "empty part"},
      {"http://host:0", "port"},
      {"http://host:65536", "port"},
      {"http://host:80a", "port"},
      {"http://host:-1", "port"},
      {"http://::1", "without brackets"},
      {"http://[::1", "closing"},
      {"http://[::1]80", "between"},
      {"http://[localhost]", "no IPv6"},
      {std::string_view("http://[::1\0\t]/", 14), "no IPv6"},  // found by url_fuzz
      {"http://host/a b", "path"},
      {"http://host/a\r\nx: y", "path"},
  };
  for (const auto& [url, words] : cases) {
    const Result<Origin> origin = parse_base_url(url);
    ASSERT_FALSE(origin) << url;
    EXPECT_EQ(origin.error().code, ErrorCode::invalid_request);
    EXPECT_NE(origin.error().message.find(words), std::string::npos) << url << ": " << origin.error().message;
    EXPECT_EQ(origin.error().message.find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ai_proxy::http
