// Where a setting may come from, and who wins.
#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

std::shared_ptr<const Settings> good(const World& world) {
  auto result = world.read();
  EXPECT_TRUE(result) << (result ? "" : joined(result.error()));
  return result ? *result : std::make_shared<const Settings>();
}

TEST(Settings, NothingSetMeansTheDefaults) {
  const auto settings = good({});
  EXPECT_EQ(settings->host, "127.0.0.1");
  EXPECT_EQ(settings->port, 8080);
  EXPECT_EQ(settings->threads, 0u);
  EXPECT_EQ(settings->drain_time, 30s);
  EXPECT_FALSE(settings->cache.enabled);
  EXPECT_EQ(settings->routes.providers.size(), 3u);
  EXPECT_TRUE(settings->routes.aliases.empty());
  EXPECT_EQ(settings->catalog, pricing::Catalog::built_in());
  EXPECT_EQ(settings->config_file, "");
}

TEST(Settings, EnvironmentOverDotenvOverFileOverDefault) {
  World world;
  world.yaml = "server: {port: 1001, threads: 1, drain: 1s}\nlog: {level: debug, format: text}\n";
  world.dotenv = "PORT=1002\nAI_PROXY_THREADS=2\nAI_PROXY_LOG_LEVEL=error\n";
  world.environment = {{"PORT", "1003"}};
  const auto settings = good(world);
  EXPECT_EQ(settings->port, 1003);
  EXPECT_EQ(settings->threads, 2u);
  EXPECT_EQ(settings->drain_time, 1s);
  EXPECT_EQ(settings->log.level, "error");
  EXPECT_EQ(settings->log.format, LogFormat::text);
  EXPECT_EQ(settings->config_file, "config.yaml");
}

TEST(Settings, AnEmptyVariableIsNotSetButHidesTheOneOfDotenv) {
  World world;
  world.dotenv = "PORT=1002\nOPENAI_API_KEY=sk-dotenv-key\n";
  world.environment = {{"PORT", ""}, {"OPENAI_API_KEY", " "}};
  const auto settings = good(world);
  EXPECT_EQ(settings->port, 8080);
  EXPECT_FALSE(settings->routes.providers[0].configured());
}

TEST(Settings, TakeEveryVariable) {
  World world;
  world.files["ca.pem"] = "-----BEGIN CERTIFICATE-----\n";
  world.environment = {{"HOST", "::1"},
                       {"PORT", "0"},
                       {"AI_PROXY_THREADS", "7"},
                       {"AI_PROXY_ALLOW_ANONYMOUS", "yes"},
                       {"AI_PROXY_DRAIN_SECONDS", "5"},
                       {"OPENAI_API_KEY", " sk-openai\n"},
                       {"ANTHROPIC_API_KEY", "sk-ant"},
                       {"MISTRAL_API_KEY", "m"},
                       {"OPENAI_BASE_URL", "http://127.0.0.1:9001/v1/"},
                       {"ANTHROPIC_BASE_URL", "https://proxy.example/anthropic"},
                       {"MISTRAL_BASE_URL", "https://api.eu.mistral.ai/v1"},
                       {"REDIS_URL", "rediss://u:p%40ss@cache.example:6380/3"},
                       {"AI_PROXY_CACHE_MEMORY", "1MiB"},
                       {"AI_PROXY_CACHE_TTL", "5m"},
                       {"AI_PROXY_LOG_FORMAT", "json"},
                       {"AI_PROXY_LOG_LEVEL", "WARN"},
                       {"AI_PROXY_LOG_FILE", "/var/log/x.log"},
                       {"AI_PROXY_LOG_ACCESS", "off"},
                       {"AI_PROXY_CA_FILE", "ca.pem"}};
  const auto settings = good(world);
  EXPECT_EQ(settings->host, "::1");
  EXPECT_EQ(settings->port, 0);
  EXPECT_EQ(settings->threads, 7u);
  EXPECT_TRUE(settings->allow_anonymous);
  EXPECT_EQ(settings->drain_time, 5s);
  const auto& providers = settings->routes.providers;
  EXPECT_EQ(providers[0].keys.at(0).reveal(), "sk-openai");
  EXPECT_EQ(providers[0].origin, (http::Origin{false, "127.0.0.1", 9001, ""}));
  EXPECT_EQ(providers[1].keys.at(0).reveal(), "sk-ant");
  EXPECT_EQ(providers[1].origin.path_prefix, "/anthropic");
  EXPECT_EQ(providers[2].keys.at(0).reveal(), "m");
  EXPECT_EQ(providers[2].region, "eu");
  ASSERT_TRUE(settings->cache.redis);
  EXPECT_TRUE(settings->cache.redis->tls);
  EXPECT_EQ(settings->cache.redis->host, "cache.example");
  EXPECT_EQ(settings->cache.redis->port, 6380);
  EXPECT_EQ(settings->cache.redis->user, "u");
  EXPECT_EQ(settings->cache.redis->password.reveal(), "p@ss");
  EXPECT_EQ(settings->cache.redis->database, 3);
  EXPECT_EQ(settings->cache.memory_bytes, 1u << 20);
  EXPECT_TRUE(settings->cache.enabled);
  EXPECT_EQ(settings->cache.ttl, 300s);
  EXPECT_EQ(settings->log.format, LogFormat::json);
  EXPECT_EQ(settings->log.level, "warn");
  EXPECT_EQ(settings->log.file, "/var/log/x.log");
  EXPECT_FALSE(settings->log.access);
  EXPECT_EQ(settings->ca_file, "ca.pem");
  EXPECT_TRUE(settings->notes.empty()) << joined(settings->notes);
}

TEST(Settings, TakeEveryLimit) {
  World world;
  world.yaml = R"(limits:
  connections: 10
  connections_per_client: 3
  requests: 0
  memory: 1GiB
  allow_half_close: yes
  loop_delay: 0
  head: 2KiB
  target: 1KiB
  fields: 50
  body: 64MB
  chunk_overhead: 4096
  head_time: 1s
  body_time: 2
  body_rate: 0
  idle: 500ms
  requests_per_connection: 5
  connection_age: 1.5h
  write_stall: 3s
  linger: 0
  provider:
    connect: 4s
    first_byte: 5s
    first_event: 15s
    silence: 6s
    total: 7m
    head: 8KiB
    body: 9MiB
    interim_answers: 1
    connections: 2
    queue: 0
    wait: 11s
    idle: 12s
    age: 13s
    uses: 14
)";
  const auto settings = good(world);
  const http::ServerLimits& server = settings->server;
  EXPECT_EQ(server.connections_max, 10u);
  EXPECT_EQ(server.connections_per_client_max, 3u);
  EXPECT_EQ(server.requests_max, 0u);
  EXPECT_EQ(settings->memory_bytes_max, std::size_t{1} << 30);
  EXPECT_TRUE(server.allow_half_close);
  EXPECT_EQ(server.loop_delay_max, 0ms);
  EXPECT_EQ(server.head_bytes_max, 2048u);
  EXPECT_EQ(server.target_bytes_max, 1024u);
  EXPECT_EQ(server.fields_max, 50u);
  EXPECT_EQ(server.body_bytes_max, 64'000'000u);
  EXPECT_EQ(server.chunk_overhead_bytes, 4096u);
  EXPECT_EQ(server.head_time, 1s);
  EXPECT_EQ(server.body_time, 2s);
  EXPECT_EQ(server.body_bytes_per_second_min, 0u);
  EXPECT_EQ(server.idle_time, 500ms);
  EXPECT_EQ(server.requests_per_connection_max, 5u);
  EXPECT_EQ(server.connection_age_max, 90min);
  EXPECT_EQ(server.write_stall_time, 3s);
  EXPECT_EQ(server.linger_time, 0s);
  const http::ClientLimits& client = settings->client;
  EXPECT_EQ(client.connect_time, 4s);
  EXPECT_EQ(client.first_byte_time, 5s);
  EXPECT_EQ(client.first_event_time, 15s);
  EXPECT_EQ(client.silence_time, 6s);
  EXPECT_EQ(client.total_time, 7min);
  EXPECT_EQ(client.head_bytes_max, 8192u);
  EXPECT_EQ(client.body_bytes_max, 9u << 20);
  EXPECT_EQ(client.interim_answers_max, 1u);
  EXPECT_EQ(client.pool_per_origin_max, 2u);
  EXPECT_EQ(client.pool_queue_max, 0u);
  EXPECT_EQ(client.pool_wait_time, 11s);
  EXPECT_EQ(client.pool_idle_time, 12s);
  EXPECT_EQ(client.pool_age_max, 13s);
  EXPECT_EQ(client.pool_uses_max, 14u);
}

TEST(Providers, OfTheFileJoinTheBuiltInOnes) {
  World world;
  world.environment = {{"VLLM_2_API_KEY", "from-variable"}, {"OTHER", "other-key"}};
  world.files["key.txt"] = "from-file\n";
  world.yaml = R"(providers:
  openai: {api_key: from-yaml, region: eu}
  vllm-2: {base_url: "http://10.0.0.5:8000/v1", headers: {X-Team: blue}}
  claude-proxy: {base_url: "https://c.example", dialect: anthropic, api_key_file: key.txt, catalog: anthropic}
  keyless: {base_url: "http://localhost:11434", auth: none}
  named: {base_url: "https://n.example", api_key_env: OTHER, headers: {anthropic-version: "2026-10-21"}, dialect: anthropic, auth: bearer}
)";
  const auto settings = good(world);
  const auto& providers = settings->routes.providers;
  ASSERT_EQ(providers.size(), 7u);
  EXPECT_EQ(providers[0].keys.at(0).reveal(), "from-yaml");
  EXPECT_EQ(providers[0].region, "eu");
  EXPECT_EQ(providers[0].fields, "");
  EXPECT_EQ(providers[1].fields, "anthropic-version: 2023-06-01\r\n");
  EXPECT_EQ(providers[3].name, "vllm-2");
  EXPECT_EQ(providers[3].dialect, &dialects::kOpenAiChat);
  EXPECT_EQ(providers[3].key_variable, "VLLM_2_API_KEY");
  EXPECT_EQ(providers[3].keys.at(0).reveal(), "from-variable");
  EXPECT_EQ(providers[3].fields, "x-team: blue\r\n");
  EXPECT_EQ(providers[3].catalog, "");
  EXPECT_EQ(providers[4].dialect, &dialects::kAnthropicMessages);
  EXPECT_EQ(providers[4].auth, providers::AuthStyle::x_api_key);
  EXPECT_EQ(providers[4].keys.at(0).reveal(), "from-file");
  EXPECT_EQ(providers[4].fields, "anthropic-version: 2023-06-01\r\n");
  EXPECT_EQ(providers[4].catalog, "anthropic");
  EXPECT_TRUE(providers[5].configured());
  EXPECT_EQ(providers[6].keys.at(0).reveal(), "other-key");
  EXPECT_EQ(providers[6].fields, "anthropic-version: 2026-10-21\r\n");
  EXPECT_EQ(providers[6].auth, providers::AuthStyle::bearer);
}

TEST(Providers, VariableWinsOverTheKeyInTheFile) {
  World world;
  world.yaml = "providers: {openai: {api_key: from-yaml}}";
  world.dotenv = "OPENAI_API_KEY=from-dotenv\n";
  EXPECT_EQ(good(world)->routes.providers[0].keys.at(0).reveal(), "from-dotenv");
}

TEST(Notes, NameTheVariableOfEachProviderWithoutAKey) {
  World world;
  world.environment = {{"ANTHROPIC_API_KEY", "k"}};
  EXPECT_THAT(good(world)->notes,
              ElementsAre(HasSubstr("OPENAI_API_KEY is not set"), HasSubstr("MISTRAL_API_KEY is not set")));
}

TEST(Notes, AreOneWhenNoProviderHasAKey) {
  EXPECT_THAT(good({})->notes, ElementsAre(HasSubstr("--demo")));
}

TEST(Notes, PointAtMistypedNamesInDotenvAndAtKeysSentInTheClear) {
  World world;
  world.dotenv =
      "MY_OWN=1\nAI_PROXY_THREDS=2\nOPENAI_API_KEY=k\nANTHROPIC_API_KEY=k\nMISTRAL_API_KEY=k\n"
      "OPENAI_BASE_URL=http://models.example\n";
  EXPECT_THAT(good(world)->notes,
              ElementsAre(HasSubstr("The key of openai travels unencrypted"),
                          ".env:2: AI_PROXY_THREDS means nothing here. Did you mean \"AI_PROXY_THREADS\"?"));
}

TEST(Aliases, TakeBothForms) {
  World world;
  world.yaml =
      "aliases:\n  fast: openai/gpt-4o-mini\n  deep: {provider: anthropic, model: claude-opus-5}\n  or: "
      "openai/a/b\n";
  const auto settings = good(world);
  const auto& aliases = settings->routes.aliases;
  ASSERT_EQ(aliases.size(), 3u);
  EXPECT_EQ(aliases.at("fast").first().provider, "openai");
  EXPECT_EQ(aliases.at("fast").first().model, "gpt-4o-mini");
  EXPECT_EQ(aliases.at("deep").first().model, "claude-opus-5");
  EXPECT_EQ(aliases.at("or").first().model, "a/b");
}

TEST(Aliases, MapToTiersOfTargets) {
  World world;
  world.yaml = R"(aliases:
  smart:
    targets:
      - [{model: openai/gpt-4o, weight: 3}, {provider: mistral, model: mistral-large}]
      - anthropic/claude-haiku-4-5
    choose: latency
    affinity: prompt
    fallback_on: [default, context_length_exceeded]
    hedge: {after: 2s, cost_max: 0.01}
)";
  const auto settings = good(world);
  const routing::Alias& smart = settings->routes.aliases.at("smart");
  ASSERT_EQ(smart.tiers.size(), 2u);
  ASSERT_EQ(smart.tiers[0].size(), 2u);
  EXPECT_EQ(smart.tiers[0][0].weight, 3u);
  EXPECT_EQ(smart.tiers[0][1].provider, "mistral");
  EXPECT_EQ(smart.tiers[1][0].model, "claude-haiku-4-5");
  EXPECT_EQ(smart.choose, routing::Preference::latency);
  EXPECT_EQ(smart.affinity, routing::Affinity::prompt);
  EXPECT_TRUE(smart.fallback_on.has(ErrorCode::context_length_exceeded));
  EXPECT_TRUE(smart.fallback_on.has(ErrorCode::rate_limited));
  EXPECT_FALSE(smart.fallback_on.has(ErrorCode::content_filtered));
  EXPECT_EQ(smart.hedge.after, 2s);
  EXPECT_TRUE(smart.hedge.cost_max == kPicoPerUsd / 100);
}

TEST(Aliases, SayWhatIsWrongWithTheirTargets) {
  const auto faults_of = [](const std::string& alias) {
    World world;
    world.yaml = "aliases:\n  smart: " + alias + "\n";
    const auto faults = world.faults();
    return faults.empty() ? std::string() : faults.front();
  };
  EXPECT_THAT(faults_of("{targets: []}"), HasSubstr("must be a list of targets"));
  EXPECT_THAT(faults_of("{targets: [gpt-4o]}"), HasSubstr("must be provider/model"));
  EXPECT_THAT(faults_of("{targets: [opneai/gpt-4o]}"), HasSubstr("Did you mean"));
  EXPECT_THAT(faults_of("{targets: [openai/a], choose: fast}"), HasSubstr("must be one of weight, latency"));
  EXPECT_THAT(faults_of("{targets: [openai/a], fallback_on: [rate_limit]}"), HasSubstr("rate_limited"));
  // Whose caller has gone away has nobody to fall back for.
  EXPECT_THAT(faults_of("{targets: [openai/a], fallback_on: [default, cancelled]}"),
              AllOf(HasSubstr("aliases.smart.fallback_on: "), HasSubstr("must be one of default, "),
                    HasSubstr("stream_interrupted, internal")));
  EXPECT_THAT(faults_of("{targets: [openai/a], hedge: {cost_max: 1}}"), HasSubstr("after is missing"));
  EXPECT_THAT(faults_of("{targets: [openai/a], hedge: {after: 1s}}"), HasSubstr("cost_max is missing"));
}

TEST(Routing, HasItsOwnSection) {
  World world;
  world.yaml = R"(routing:
  retries: 3
  backoff: 50ms
  rate_limit_wait: 10s
  budget_percent: 10
  pause_when_limited: no
  breaker: {failures: 0, percent: 30, open: 1s}
)";
  world.environment = {{"AI_PROXY_RETRIES", "1"}};
  const auto settings = good(world);
  const routing::Policies& routing = settings->routing;
  EXPECT_EQ(routing.retry.retries, 1);
  EXPECT_EQ(routing.retry.backoff, 50ms);
  EXPECT_EQ(routing.retry.rate_limit_wait, 10s);
  EXPECT_DOUBLE_EQ(routing.budget.share, 0.1);
  EXPECT_FALSE(routing.health.pause_when_limited);
  EXPECT_EQ(routing.health.failures_in_a_row, 0);
  EXPECT_DOUBLE_EQ(routing.health.failure_share, 0.3);
  world.yaml = "routing: {retries: 11}";
  EXPECT_FALSE(world.faults().empty());
}

TEST(Cache, SectionAloneTurnsOnMemory) {
  World world;
  world.yaml = "cache: {ttl: 1h}";
  EXPECT_TRUE(good(world)->cache.enabled);
  EXPECT_EQ(good(world)->cache.memory_bytes, 64u << 20);
  EXPECT_EQ(good(world)->cache.ttl, 3600s);
  world.environment = {{"REDIS_URL", "redis://localhost"}};
  EXPECT_EQ(good(world)->cache.memory_bytes, 0u);
  world.environment = {{"AI_PROXY_CACHE_MEMORY", "0"}};
  EXPECT_FALSE(good(world)->cache.enabled);
  EXPECT_TRUE(good(world)->cache.single_flight);
  world.yaml = "cache: {single_flight: off}";
  EXPECT_FALSE(good(world)->cache.single_flight);
  world.yaml = "cache: {redis: 'redis://r', redis_timeout: 20ms}";
  EXPECT_EQ(good(world)->cache.redis->operation_time, 20ms);
}

TEST(Cache, TtlAloneDoesNotTurnItOn) {
  World world;
  world.environment = {{"AI_PROXY_CACHE_TTL", "60"}};
  EXPECT_FALSE(good(world)->cache.enabled);
}

TEST(Host, OpenToOthersMustBeMeant) {
  World world;
  world.environment = {{"HOST", "0.0.0.0"}};
  EXPECT_THAT(world.faults(), ElementsAre(HasSubstr("HOST: \"0.0.0.0\" is open to others")));
  world.environment["AI_PROXY_ALLOW_ANONYMOUS"] = "true";
  EXPECT_EQ(good(world)->host, "0.0.0.0");
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"}) {
    world.environment = {{"HOST", host}};
    EXPECT_TRUE(world.faults().empty()) << host;
  }
}

TEST(Prices, ComeFromTheFileThatIsNamed) {
  World world;
  world.yaml = "prices: mine.json\n";
  EXPECT_THAT(world.faults(), ElementsAre("config.yaml:1:1: prices: mine.json: there is no such file."));
  world.files["mine.json"] = "{";
  EXPECT_THAT(world.faults(), ElementsAre(HasSubstr("config.yaml:1:1: prices: ")));
}

TEST(ConfigPath, ComesFromTheEnvironmentOrDotenv) {
  Sources sources;
  EXPECT_EQ(config_path(sources), "");
  sources.dotenv_text = "AI_PROXY_CONFIG=a.yaml\n";
  EXPECT_EQ(config_path(sources), "a.yaml");
  sources.environment = [](std::string_view name) {
    return name == "AI_PROXY_CONFIG" ? std::optional<std::string>("b.yaml") : std::nullopt;
  };
  EXPECT_EQ(config_path(sources), "b.yaml");
}

TEST(AdminSettings, AreNotThereUnlessAskedFor) {
  EXPECT_EQ(good({})->admin, AdminSettings{});
}

TEST(AdminSettings, AnAddressAndAPortOrAPortOfThisMachine) {
  const auto place = [](const std::string& text) {
    World world;
    world.environment["AI_PROXY_ADMIN_LISTEN"] = text;
    const auto result = world.read();
    return result ? (*result)->admin.host + " " + std::to_string((*result)->admin.port) : "refused";
  };
  EXPECT_EQ(place("127.0.0.1:9090"), "127.0.0.1 9090");
  EXPECT_EQ(place(" [::1]:9090 "), "::1 9090");
  EXPECT_EQ(place("localhost:0"), "localhost 0");
  EXPECT_EQ(place("9090"), "127.0.0.1 9090");
  for (const char* const wrong :
       {"::1:9090", "127.0.0.1", "127.0.0.1:", ":9090", "127.0.0.1:70000", "http://127.0.0.1:9090"})
    EXPECT_EQ(place(wrong), "refused") << wrong;
}

TEST(AdminSettings, OpenToOthersOnlyWhenThatIsMeant) {
  World world;
  world.yaml = "admin:\n  listen: 0.0.0.0:9090\n";
  // The word for the other port says nothing about this one.
  world.environment["AI_PROXY_ALLOW_ANONYMOUS"] = "true";
  EXPECT_THAT(world.faults(),
              ElementsAre(HasSubstr("config.yaml:2:3: admin.listen: \"0.0.0.0\" is open to others")));
  world.yaml += "  allow_anonymous: true\n";
  EXPECT_EQ(good(world)->admin.port, 9090);
}

}  // namespace
}  // namespace ai_proxy::config
