#include "http/proxy.h"

#include <gtest/gtest.h>

namespace ai_proxy::http {
namespace {

std::string fault_of(std::string_view url) {
  const Result<Proxy> proxy = parse_proxy_url(url);
  return proxy ? "none" : proxy.error().message;
}

TEST(ProxyUrl, NamesHostAndPort) {
  for (const std::string_view url :
       {"http://Proxy.Example:3128", "proxy.example:3128", "HTTP://proxy.example:3128/"}) {
    const Result<Proxy> proxy = parse_proxy_url(url);
    ASSERT_TRUE(proxy) << url;
    EXPECT_EQ(proxy->host, "proxy.example");
    EXPECT_EQ(proxy->port, 3128);
    EXPECT_TRUE(proxy->authorization.empty());
  }
  const Result<Proxy> ipv6 = parse_proxy_url("http://[::1]:80");
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->port, 80);
}

TEST(ProxyUrl, HoldsCredentials) {
  const auto authorization = [](std::string_view url) {
    return parse_proxy_url(url).value_or(Proxy{}).authorization.reveal();
  };
  // RFC 7617, section 2: "Aladdin" and "open sesame".
  EXPECT_EQ(authorization("http://Aladdin:open%20sesame@proxy:1"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(authorization("http://user:p@ss@proxy:1"), "Basic dXNlcjpwQHNz");
  EXPECT_EQ(authorization("http://user:a:b%2F@proxy:1"), "Basic dXNlcjphOmIv");
  EXPECT_EQ(authorization("http://user@proxy:1"), "Basic dXNlcjo=");
}

TEST(ProxyUrl, RefusesWhatItCannotSpeakAndRepeatsNothing) {
  EXPECT_EQ(fault_of("socks5://user:secret@proxy:1080"),
            "The proxy's URL must begin with http://: other kinds of proxy are not spoken here.");
  EXPECT_TRUE(fault_of("https://proxy:1").contains("must begin with http://"));
  EXPECT_TRUE(fault_of("http://proxy").contains("must name the port"));
  EXPECT_TRUE(fault_of("http://[::1]").contains("must name the port"));
  EXPECT_TRUE(fault_of("http://proxy:").contains("must name the port"));
  EXPECT_EQ(fault_of("http://secret:secret@pro xy:1"),
            "The proxy's URL has a host name with a character that is not a letter, digit, '-', '.' or '_'.");
  EXPECT_TRUE(fault_of("http://proxy:0").contains("port"));
  EXPECT_TRUE(fault_of("http://proxy:1/path").contains("must end with host and port"));
  EXPECT_TRUE(fault_of("http://us%3Aer:x@proxy:1").contains("user name with a ':'"));
  EXPECT_TRUE(fault_of("http://" + std::string(2000, 'x') + "@proxy:1").contains("more than 1024"));
  EXPECT_FALSE(fault_of("").contains("none"));
}

TEST(Proxy, IsTheSameOnlyWithTheSameCredentials) {
  const Proxy one = parse_proxy_url("http://user:one@proxy:1").value();
  EXPECT_TRUE(one.same_as(parse_proxy_url("user:one@PROXY:1").value()));
  for (const std::string_view other :
       {"http://user:two@proxy:1", "http://proxy:1", "http://user:one@proxy:2"})
    EXPECT_FALSE(one.same_as(parse_proxy_url(other).value())) << other;
}

struct Row {
  std::string_view no_proxy;
  std::string_view host;
  bool direct;
};

TEST(NoProxy, IsReadAsCurlReadsIt) {
  for (const Row& row : {
           Row{"", "example.com", false},
           Row{"*", "example.com", true},
           Row{" * ", "10.0.0.1", true},
           Row{"*,other.com", "example.com", false},  // a star among others means nothing
           Row{"*.example.com", "www.example.com", false},
           Row{"example.com", "example.com", true},
           Row{"EXAMPLE.com", "example.com", true},
           Row{"example.com", "www.example.com", true},
           Row{".example.com", "example.com", true},
           Row{".example.com", "www.example.com", true},
           Row{"example.com.", "example.com", true},
           Row{"example.com", "notexample.com", false},
           Row{"www.example.com", "example.com", false},
           Row{"one.com,two.com", "two.com", true},
           Row{"one.com, two.com", "two.com", true},
           Row{"one.com two.com", "two.com", true},
           Row{",,one.com,", "one.com", true},
           Row{".", "example.com", false},
           Row{"127.0.0.1", "127.0.0.1", true},
           Row{"127.0.0.1", "127.0.0.11", false},
           Row{"0.0.1", "127.0.0.1", false},  // no domain of an address
           Row{"10.0.0.0/8", "10.1.2.3", true},
           Row{"10.0.0.0/8", "11.1.2.3", false},
           Row{"192.168.0.0/17", "192.168.127.1", true},
           Row{"192.168.0.0/17", "192.168.128.1", false},
           Row{"192.168.0.0/33", "192.168.0.0", false},
           Row{"192.168.0.0/", "192.168.0.0", false},
           Row{"0.0.0.0/0", "192.168.0.0", true},
           Row{"::1", "::1", true},
           Row{"[::1]", "::1", true},
           Row{"fd00::/8", "fd12::1", true},
           Row{"fd00::/8", "fe12::1", false},
           Row{"10.0.0.0/8", "example.com", false},
           Row{"localhost", "localhost", true},
       }) {
    EXPECT_EQ(without_proxy(row.no_proxy, row.host), row.direct) << row.no_proxy << " | " << row.host;
  }
}

}  // namespace
}  // namespace ai_proxy::http
