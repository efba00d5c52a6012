// The way out: through which proxy the providers are called. The variables are those that every program of a
// machine reads, under the names that curl knows.
#include <initializer_list>
#include <memory>
#include <utility>

#include "base/ascii.h"
#include "config/sections.h"
#include "http/proxy.h"

namespace ai_proxy::config {
namespace {

using ProxyPointer = std::shared_ptr<const http::Proxy>;

std::optional<Text> first_of(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto text = environment.variable(name)) return text;
  }
  return std::nullopt;
}

ProxyPointer read_proxy(const std::optional<Text>& text, Faults& faults) {
  ProxyPointer proxy;
  assign(proxy, text, faults, [](std::string_view url) -> Parsed<ProxyPointer> {
    auto parsed = http::parse_proxy_url(ascii_trim(url));
    if (!parsed) return std::unexpected(std::move(parsed.error().message));
    return std::make_shared<const http::Proxy>(std::move(*parsed));
  });
  return proxy;
}

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

void read_egress(Reading& reading) {
  Section section = reading.root.section("egress");
  const auto in_file = section.text("proxy");
  auto no_proxy = section.text("no_proxy");
  section.finish();
  const Environment& environment = reading.environment;
  if (auto text = first_of(environment, {"no_proxy", "NO_PROXY"})) no_proxy = std::move(text);

  const auto for_all = first_of(environment, {"all_proxy", "ALL_PROXY"});
  const auto of_scheme = [&](std::initializer_list<const char*> names) {
    const auto own = first_of(environment, names);
    return own ? own : for_all ? for_all : in_file;
  };
  const auto https_text = of_scheme({"https_proxy", "HTTPS_PROXY"});
  const auto http_text = of_scheme({"http_proxy", "HTTP_PROXY"});
  const ProxyPointer https_proxy = read_proxy(https_text, reading.faults);
  const bool same = https_text && http_text && https_text->place == http_text->place;
  const ProxyPointer http_proxy = same ? https_proxy : read_proxy(http_text, reading.faults);

  for (providers::Provider& provider : reading.settings.routes.providers) {
    http::Origin& origin = provider.origin;
    const ProxyPointer& proxy = origin.tls ? https_proxy : http_proxy;
    if (proxy == nullptr || http::without_proxy(no_proxy ? no_proxy->value : "", origin.host)) continue;
    origin.proxy = proxy;
    if (is_this_machine(origin.host)) {
      reading.settings.warnings.push_back(provider.name + " is on this machine (" + origin.host +
                                          ") and is called through the egress proxy; name it in NO_PROXY "
                                          "(egress.no_proxy) to call it directly.");
    }
  }
}

}  // namespace ai_proxy::config
