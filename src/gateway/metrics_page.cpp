#include "gateway/metrics_page.h"

#include <array>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "telemetry/exposition.h"
#include "telemetry/log.h"
#include "telemetry/process_use.h"

namespace ai_proxy::gateway {
namespace {

using telemetry::Counter;
using telemetry::Labels;
using Kind = telemetry::Exposition::Kind;

constexpr int kMicroseconds = 6;  // as decimals of a second
constexpr int kMilliseconds = 3;
constexpr std::string_view kOperationName = "gen_ai_operation_name";

// One provider and model, of all threads.
struct Model {
  std::uint32_t series = 0;
  Labels labels;
  std::unique_ptr<ModelCounts> counts;
};

std::vector<Model> sums(const Counts& counts) {
  std::vector<Model> models;
  for (std::uint32_t series = 0; series < counts.names.size(); ++series) {
    std::unique_ptr<ModelCounts> sum;
    for (const auto& thread : counts.threads) {
      const ModelCounts* const part = thread->models.find(series);
      if (part == nullptr) continue;
      if (sum == nullptr) sum = std::make_unique<ModelCounts>();
      sum->add(*part);
    }
    if (sum != nullptr) models.push_back({series, counts.names.labels(series), std::move(sum)});
  }
  return models;
}

class Page {
 public:
  explicit Page(Process& process)
      : process_(process), counts_(process.counts), models_(sums(process.counts)) {}

  void requests();
  void usage();
  void attempts();
  void candidates(const routing::HealthPolicy& policy);
  void server();
  void stores();
  void configuration();
  void process(std::string_view version);

  std::string take() { return out_.take(); }

 private:
  void number(std::string_view name, Kind kind, std::string_view help, std::uint64_t value) {
    out_.family(name, kind, help);
    out_.sample({}, value);
  }

  template <class Value>
  void by_model(std::string_view name, std::string_view help, Value ModelCounts::* member) {
    out_.family(name, Kind::counter, help);
    for (const Model& model : models_) out_.sample(model.labels, *model.counts.*member);
  }

  template <class Histogram>
  void spread_by_model(std::string_view name, std::string_view help, Histogram ModelCounts::* member) {
    out_.family(name, Kind::histogram, help);
    for (const Model& model : models_) spread(model.labels, *model.counts.*member, kMicroseconds);
  }
  template <class Histogram>
  void spread_by_operation(const Labels& labels, const ByOperation<Histogram>& histograms, int decimals) {
    for (std::size_t operation = 0; operation < histograms.size(); ++operation)
      spread(labels.with(kOperationName, kOperationWords[operation]), histograms[operation], decimals);
  }
  // One that is empty is twenty lines about nothing.
  template <class Histogram>
  void spread(const Labels& labels, const Histogram& histogram, int decimals) {
    if (histogram.count() > 0) out_.histogram(labels, histogram, decimals);
  }

  // Those of an array that have happened.
  template <std::size_t kCount, class Word>
  void by_model_and(std::string_view label, std::string_view name, std::string_view help,
                    std::array<Counter, kCount> ModelCounts::* member, Word word) {
    out_.family(name, Kind::counter, help);
    for (const Model& model : models_) {
      for (std::size_t i = 0; i < kCount; ++i) {
        const std::uint64_t value = (*model.counts.*member)[i].value();
        if (value > 0) out_.sample(model.labels.with(label, word(i)), value);
      }
    }
  }

  void statuses(std::string_view name, std::string_view help, StatusCounts ThreadCounts::* member);

  template <class Value>
  std::uint64_t sum(Value ThreadCounts::* member) const {
    std::uint64_t all = 0;
    for (const auto& thread : counts_.threads) all += static_cast<std::uint64_t>(((*thread).*member).value());
    return all;
  }

  Process& process_;
  const Counts& counts_;
  std::vector<Model> models_;
  telemetry::Exposition out_;
};

std::string_view error_word(std::size_t code) {
  return word(static_cast<ErrorCode>(code));
}

void Page::requests() {
  out_.family("ai_proxy_requests_total", Kind::counter, "Requests that are over, of whatever outcome.");
  for (const Model& model : models_) {
    for (std::size_t operation = 0; operation < kOperationWords.size(); ++operation) {
      for (const bool stream : {false, true}) {
        const std::uint64_t value = model.counts->requests[operation][stream ? 1 : 0].value();
        if (value == 0) continue;
        out_.sample(model.labels.with(kOperationName, kOperationWords[operation])
                        .add("stream", stream ? "true" : "false"),
                    value);
      }
    }
  }
  by_model_and("error_type", "ai_proxy_errors_total", "Of these, those that failed, by cause.",
               &ModelCounts::errors, error_word);
  by_model_and("outcome", "ai_proxy_cache_requests_total", "Of these, by what the cache did.",
               &ModelCounts::cache, [](std::size_t i) { return kCacheWords[i]; });
  out_.family("gen_ai_server_request_duration_seconds", Kind::histogram,
              "From a request's last byte to the end of its answer.");
  for (const Model& model : models_) spread_by_operation(model.labels, model.counts->duration, kMicroseconds);
  out_.family("gen_ai_server_time_to_first_token_seconds", Kind::histogram,
              "From a request's last byte to the first token of its stream.");
  for (const Model& model : models_)
    spread(model.labels.with(kOperationName, "chat"), model.counts->first_token, kMicroseconds);
  spread_by_model("ai_proxy_overhead_seconds", "Time that requests spent in the gateway itself.",
                  &ModelCounts::overhead);
}

void Page::usage() {
  constexpr std::string_view kTokenType = "gen_ai_token_type";
  out_.family("gen_ai_client_token_usage", Kind::histogram, "Tokens that providers counted, per request.");
  for (const Model& model : models_) {
    spread_by_operation(model.labels.with(kTokenType, "input"), model.counts->input_tokens, 0);
    spread_by_operation(model.labels.with(kTokenType, "output"), model.counts->output_tokens, 0);
  }
  out_.family(
      "ai_proxy_token_details_total", Kind::counter,
      "Tokens of a special price: parts of the input (cache_read, cache_write) and output (reasoning).");
  for (const Model& model : models_) {
    out_.sample(model.labels.with(kTokenType, "cache_read"), model.counts->cache_read_tokens);
    out_.sample(model.labels.with(kTokenType, "cache_write"), model.counts->cache_write_tokens);
    out_.sample(model.labels.with(kTokenType, "reasoning"), model.counts->reasoning_tokens);
  }
  by_model("ai_proxy_cost_usd_total", "What the answers cost, exactly.", &ModelCounts::cost);
  by_model("ai_proxy_saved_usd_total", "What answers from the cache would have cost.", &ModelCounts::saved);
  by_model("ai_proxy_cost_unknown_total", "Answers whose cost is not known.", &ModelCounts::cost_unknown);
}

void Page::attempts() {
  by_model_and("kind", "ai_proxy_attempts_total", "Calls of providers, by how they came about.",
               &ModelCounts::attempts, [](std::size_t i) { return kAttemptKindWords[i]; });
  by_model_and("error_type", "ai_proxy_attempt_errors_total", "Of these, those that failed, by cause.",
               &ModelCounts::attempt_errors, error_word);
  by_model("ai_proxy_hedges_won_total", "Second calls that began their answer before the first.",
           &ModelCounts::hedges_won);
}

void Page::candidates(const routing::HealthPolicy& policy) {
  using Standing = routing::Health::Standing;
  constexpr std::array<std::pair<std::string_view, Standing>, 3> kStates{
      {{"open", Standing::open}, {"paused", Standing::paused}, {"probe", Standing::probe}}};
  std::map<std::pair<std::uint32_t, Standing>, std::uint64_t> troubled;
  for (const auto& [series, standing] : process_.health.troubled(policy, http::Clock::now()))
    ++troubled[{series, standing}];
  out_.family("ai_proxy_candidates_passed_over", Kind::gauge,
              "Keys of a provider's model that are passed over for now, by why.");
  for (const Model& model : models_) {
    if (model.series == telemetry::SeriesNames::kNobody) continue;
    for (const auto& [state, standing] : kStates) {
      const auto found = troubled.find({model.series, standing});
      out_.sample(model.labels.with("state", state), found == troubled.end() ? 0 : found->second);
    }
  }
}

void Page::statuses(std::string_view name, std::string_view help, StatusCounts ThreadCounts::* member) {
  out_.family(name, Kind::counter, help);
  for (int status = 0; status < StatusCounts::kEnd; ++status) {
    std::uint64_t value = 0;
    for (const auto& thread : counts_.threads) value += ((*thread).*member).value(status);
    if (value > 0)
      out_.sample(
          Labels("http_response_status_code", telemetry::decimal(static_cast<std::uint64_t>(status), 0)),
          value);
  }
}

void Page::server() {
  const http::ServerCounters& counters = process_.counters;
  statuses("ai_proxy_responses_total", "Answers to requests, by status; 499: the client had gone.",
           &ThreadCounts::answered);
  statuses("ai_proxy_refusals_total", "What the server refused before it was a whole request, by status.",
           &ThreadCounts::refused);
  number("ai_proxy_connections_refused_total", Kind::counter,
         "Connections that were reset: their client had too many.", counters.connections_refused.load());
  number("ai_proxy_connections", Kind::gauge, "Clients' connections.", counters.connections.load());
  number("ai_proxy_requests_running", Kind::gauge, "Requests under way.", counters.requests_running.load());
  // In this order: what ends in between is not missed.
  const std::uint64_t ended = sum(&ThreadCounts::streams_ended);
  number("ai_proxy_streams_open", Kind::gauge, "Streams that have begun and not ended.",
         sum(&ThreadCounts::streams_begun) - ended);
  number("ai_proxy_provider_connections_idle", Kind::gauge, "Connections to providers that wait for use.",
         sum(&ThreadCounts::idle_connections));
  number("ai_proxy_memory_pressure", Kind::gauge,
         "0: none; 1: saving; 2: refusing new requests; 3: ending the largest.",
         static_cast<std::uint64_t>(counters.pressure.load()));
  number("ai_proxy_threads", Kind::gauge, "Event-loop threads.", counts_.threads.size());
  out_.family("ai_proxy_loop_delay_seconds", Kind::gauge,
              "How late each thread was with its work a moment ago.");
  for (std::size_t i = 0; i < counts_.threads.size(); ++i)
    out_.sample(Labels("thread", telemetry::decimal(i, 0)),
                telemetry::decimal(static_cast<std::uint64_t>(counts_.threads[i]->loop_delay_us.value()),
                                   kMicroseconds));
}

void Page::stores() {
  if (const cache::MemoryCache* memory = process_.memory.get()) {
    number("ai_proxy_cache_memory_bytes", Kind::gauge, "Size of the cache in memory.", memory->bytes());
    number("ai_proxy_cache_memory_entries", Kind::gauge, "Answers in the cache in memory.",
           memory->entries());
    number("ai_proxy_cache_memory_evictions_total", Kind::counter,
           "Answers that left the cache in memory to make room.", memory->evictions());
  }
  using Redis = ThreadCounts::Redis;
  std::array<std::uint64_t, 3> threads{};
  for (const auto& thread : counts_.threads) ++threads[static_cast<std::size_t>(thread->redis.value())];
  const std::uint64_t up = threads[static_cast<std::size_t>(Redis::up)];
  const std::uint64_t away = threads[static_cast<std::size_t>(Redis::away)];
  if (up + away > 0) {
    out_.family("ai_proxy_redis_threads", Kind::gauge,
                "Threads whose own connection to Redis is used, or passed over because it failed.");
    out_.sample(Labels("state", "up"), up);
    out_.sample(Labels("state", "away"), away);
  }
  number("ai_proxy_log_lines_dropped_total", Kind::counter, "Log lines that nobody took in time.",
         telemetry::dropped_lines());
}

void Page::configuration() {
  number("ai_proxy_config_reloads_total", Kind::counter, "Configurations that were taken over.",
         counts_.reloads.value());
  number("ai_proxy_config_reload_failed_total", Kind::counter, "Configurations that were refused.",
         counts_.reloads_failed.value());
  number("ai_proxy_config_last_reload_failed", Kind::gauge,
         "1: the last one was refused, and the one before it runs on.", process_.reload_refused ? 1 : 0);
  number("ai_proxy_leaving", Kind::gauge, "1: the process has been told to end.", process_.leaving ? 1 : 0);
}

void Page::process(std::string_view version) {
  out_.family("ai_proxy_build_info", Kind::gauge, "Always 1.");
  out_.sample(Labels("version", version), 1);
  const std::optional<telemetry::ProcessUse> use = telemetry::process_use();
  if (!use) return;
  const auto time = [this](std::string_view name, Kind kind, std::string_view help, std::uint64_t ms) {
    out_.family(name, kind, help);
    out_.sample({}, telemetry::decimal(ms, kMilliseconds));
  };
  time("process_start_time_seconds", Kind::gauge, "Start of the process, Unix time.", use->started_ms);
  time("process_cpu_seconds_total", Kind::counter, "Processor time, user and system.", use->cpu_ms);
  number("process_resident_memory_bytes", Kind::gauge, "Resident memory.", use->resident_bytes);
  number("process_virtual_memory_bytes", Kind::gauge, "Address space.", use->virtual_bytes);
  number("process_open_fds", Kind::gauge, "Open descriptors.", use->open_files);
  number("process_max_fds", Kind::gauge, "The most descriptors there may be.", use->open_files_max);
}

}  // namespace

std::string metrics_page(Process& process, const routing::HealthPolicy& health, std::string_view version) {
  Page page(process);
  page.requests();
  page.usage();
  page.attempts();
  page.candidates(health);
  page.server();
  page.stores();
  page.configuration();
  page.process(version);
  return page.take();
}

}  // namespace ai_proxy::gateway
