// The example files are valid, complete and say the defaults; docs/configuration.md names every setting.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>

#include "config/provider_words.h"
#include "config/settings_fixture.h"
#include "providers/compatible.h"

namespace ai_proxy::config {
namespace {

std::string file(const std::string& name) {
  std::ifstream stream(std::string(SOURCE_DIR "/") + name);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The commented lines that are settings: "# KEY=value", "# key: value".
std::string uncommented(const std::string& text) {
  return std::regex_replace(
      text, std::regex("(^|\\n)( *)# ([A-Z_]+=|ca_file:|prices:|redis:|file:|proxy:|no_proxy:|listen:)"),
      "$1$2$3");
}

// All that settings may be compared by, in words.
std::string limits_of(const Settings& settings) {
  std::string text;
  const auto add = [&](auto value) { text.append(std::to_string(value)).append(" "); };
  const http::ServerLimits& s = settings.server;
  for (const auto value : {s.connections_max, s.connections_per_client_max, s.requests_max, s.head_bytes_max,
                           s.target_bytes_max, s.fields_max, s.body_bytes_max, s.chunk_overhead_bytes,
                           s.body_bytes_per_second_min, s.requests_per_connection_max}) {
    add(value);
  }
  for (const auto value : {s.head_time, s.body_time, s.idle_time, s.connection_age_max, s.write_stall_time,
                           s.linger_time, s.loop_delay_max}) {
    add(value.count());
  }
  add(s.allow_half_close);
  add(settings.memory_bytes_max.value_or(1));
  const http::ClientLimits& c = settings.client;
  for (const auto value : {c.head_bytes_max, c.body_bytes_max, c.interim_answers_max, c.pool_per_origin_max,
                           c.pool_queue_max, c.pool_uses_max}) {
    add(value);
  }
  for (const auto value : {c.connect_time, c.first_byte_time, c.first_event_time, c.silence_time,
                           c.total_time, c.pool_wait_time, c.pool_idle_time, c.pool_age_max}) {
    add(value.count());
  }
  return text;
}

std::string routing_of(const routing::Policies& routing) {
  std::string text;
  const auto add = [&](auto value) { text.append(std::to_string(value)).append(" "); };
  const auto& [retry, budget, health] = routing;
  for (const auto value : {retry.retries, health.failures_in_a_row, health.outcomes_min}) add(value);
  for (const auto value : {retry.backoff, retry.backoff_max, retry.added_wait_max, retry.rate_limit_wait,
                           retry.retry_after_max, health.window, health.open_time, health.open_time_max}) {
    add(value.count());
  }
  for (const auto value : {budget.share, health.failure_share}) add(value);
  add(budget.per_second);
  add(health.pause_when_limited);
  return text;
}

TEST(ExampleYaml, IsValidAndSaysTheDefaults) {
  World world;
  world.yaml = file("ai-proxy.example.yaml");
  ASSERT_FALSE(world.yaml.empty());
  const auto result = world.read();
  ASSERT_TRUE(result) << joined(result.error());
  const Settings& settings = **result;
  const Settings defaults;
  EXPECT_EQ(limits_of(settings), limits_of(defaults));
  EXPECT_EQ(settings.host, defaults.host);
  EXPECT_EQ(settings.port, defaults.port);
  EXPECT_EQ(settings.threads, defaults.threads);
  EXPECT_EQ(settings.drain_time, defaults.drain_time);
  EXPECT_EQ(settings.cache.ttl, defaults.cache.ttl);
  EXPECT_EQ(settings.cache.single_flight, defaults.cache.single_flight);
  EXPECT_EQ(settings.cache.streams, defaults.cache.streams);
  EXPECT_EQ(settings.log.level, defaults.log.level);
  EXPECT_EQ(settings.admin, defaults.admin);
  EXPECT_EQ(settings.streams.keep_alive, defaults.streams.keep_alive);
  EXPECT_EQ(settings.streams.begin_early, defaults.streams.begin_early);
  EXPECT_EQ(settings.routes.providers.size(), 6u);
  EXPECT_EQ(settings.reject_unsupported, defaults.reject_unsupported);
  EXPECT_EQ(settings.routes.aliases.size(), 3u);
  EXPECT_EQ(routing_of(settings.routing), routing_of(defaults.routing));
  const auto built_in = providers::built_in_providers();
  for (std::size_t i = 0; i < built_in.size(); ++i)
    EXPECT_EQ(settings.routes.providers[i].origin, built_in[i].origin);
}

TEST(ExampleYaml, IsValidWithItsCommentedLinesToo) {
  World world;
  world.yaml = uncommented(file("ai-proxy.example.yaml"));
  world.files["/etc/ssl/our-ca.pem"] = "-----BEGIN CERTIFICATE-----";
  world.files["prices.json"] = file("data/prices.json");
  const auto result = world.read();
  ASSERT_TRUE(result) << joined(result.error());
  EXPECT_TRUE((*result)->cache.redis);
  EXPECT_EQ((*result)->log.file, "/var/log/ai-proxy.log");
  EXPECT_EQ((*result)->prices_file, "prices.json");
  EXPECT_EQ((*result)->admin.port, 9090);
  EXPECT_NE((*result)->routes.providers[0].origin.proxy, nullptr);
}

TEST(ExampleDotenv, IsValidAndItsPlaceholdersAreNoKeys) {
  World world;
  world.dotenv = file(".env.example");
  ASSERT_FALSE(world.dotenv.empty());
  const auto result = world.read();
  ASSERT_TRUE(result) << joined(result.error());
  for (const auto& provider : (*result)->routes.providers) EXPECT_FALSE(provider.configured());
}

TEST(ExampleDotenv, IsValidWithItsCommentedLinesToo) {
  World world;
  world.dotenv = uncommented(file(".env.example"));
  const auto result = world.read();
  ASSERT_TRUE(result) << joined(result.error());
  EXPECT_EQ((*result)->cache.memory_bytes, 64u << 20);
  EXPECT_EQ(joined((*result)->notes).find("means nothing here"), std::string::npos);  // no unknown names
  EXPECT_EQ((*result)->routes.providers.size(), 8u);  // those with an address of the example
}

bool is_address_of_a_row(const std::string& variable) {
  return std::ranges::any_of(providers::compatible_providers(), [&](const auto& row) {
    return variable == providers::variable_prefix(row.name) + "_BASE_URL";
  });
}

TEST(Documentation, NamesEveryVariableAndKeyOfTheExamples) {
  const std::string page = file("docs/configuration.md");
  const auto check = [&](const std::string& text, const std::regex& pattern) {
    int found = 0;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), pattern); it != std::sregex_iterator();
         ++it, ++found) {
      const std::string name = (*it)[1];
      if (is_address_of_a_row(name)) continue;  // the page says NAME_BASE_URL
      if (name == "local" || name == "azure" || name == "fast" || name == "careful" || name == "steady")
        continue;  // names of one's own
      EXPECT_TRUE(page.find("`" + name + "`") != std::string::npos ||
                  page.find("." + name + "`") != std::string::npos ||
                  page.find("### " + name) != std::string::npos ||
                  page.find(", " + name) != std::string::npos)
          << name;
    }
    return found;
  };
  EXPECT_GE(check(uncommented(file(".env.example")), std::regex("(?:^|\\n)([A-Z_]+)=")), 37);
  EXPECT_GE(check(uncommented(file("ai-proxy.example.yaml")), std::regex("\\n(?:  )?([a-z_]+):")), 40);
}

// The table of compatible providers, row by row: name, key variable, address, and every quirk.
TEST(Documentation, SaysWhatEveryCompatibleProviderIs) {
  const std::string page = file("docs/configuration.md");
  const std::string example = file(".env.example");
  for (const providers::CompatibleProvider& row : providers::compatible_providers()) {
    const std::size_t begin = page.find("\n| `" + std::string(row.name) + "` |");
    ASSERT_NE(begin, std::string::npos) << row.name;
    const std::string line = page.substr(begin + 1, page.find('\n', begin + 1) - begin);
    const auto says = [&](std::string_view word) {
      return line.find("`" + std::string(word) + "`") != std::string::npos;
    };
    EXPECT_TRUE(says(row.base_url) || row.base_url.empty()) << line;
    EXPECT_TRUE(says(row.key_variable) || row.key_variable.empty()) << line;
    EXPECT_TRUE(row.version_path == "/v1" || row.version_path.empty() || says(row.version_path)) << line;
    EXPECT_EQ(says("stream_options"), !row.quirks.stream_options) << line;
    EXPECT_EQ(says("max_completion_tokens"), !row.quirks.max_completion_tokens) << line;
    EXPECT_EQ(says("developer_role"), !row.quirks.developer_role) << line;
    EXPECT_EQ(says("parallel_tool_calls"), !row.quirks.parallel_tool_calls) << line;
    EXPECT_EQ(says("json_schema"), !row.quirks.json_schema) << line;
    EXPECT_EQ(says("top_k"), row.quirks.top_k) << line;
    // The two other flags stand the other way round: who has a Responses API, and who has no embeddings.
    const auto listed = [&](std::string_view key) {
      const std::size_t at = page.find("\n| `" + std::string(key) + "` |");
      return page.substr(at, page.find('\n', at + 1) - at).find("`" + std::string(row.name) + "`") !=
             std::string::npos;
    };
    EXPECT_EQ(listed("responses"), row.responses) << row.name;
    EXPECT_EQ(listed("embeddings"), !row.embeddings) << row.name;
    const std::string variable = row.key_variable.empty()
                                     ? providers::variable_prefix(row.name) + "_BASE_URL="
                                     : std::string(row.key_variable) + "=";
    EXPECT_NE(example.find("# " + variable), std::string::npos) << variable;
  }
}

// The two tables of limits, row by row: the default of each, written into a file, changes nothing.
TEST(Documentation, SaysTheDefaultOfEveryLimit) {
  const std::string page = file("docs/configuration.md");
  const std::size_t begin = page.find("### limits");
  const std::size_t middle = page.find("`limits.provider`", begin);
  ASSERT_NE(middle, std::string::npos);
  const std::regex row("\n\\| `([a-z_]+)` \\| `([^`]+)` \\|");
  int rows = 0;
  for (auto it = std::sregex_iterator(page.begin() + static_cast<std::ptrdiff_t>(begin), page.end(), row);
       it != std::sregex_iterator(); ++it, ++rows) {
    const bool of_provider = begin + static_cast<std::size_t>(it->position()) > middle;
    const std::string entry = (*it)[1].str() + ": " + (*it)[2].str();
    World world;
    world.yaml = of_provider ? "limits: {provider: {" + entry + "}}" : "limits: {" + entry + "}";
    const auto result = world.read();
    ASSERT_TRUE(result) << joined(result.error());
    EXPECT_EQ(limits_of(**result), limits_of(Settings{})) << entry;
  }
  EXPECT_EQ(rows, 19 + 14);
}

}  // namespace
}  // namespace ai_proxy::config
