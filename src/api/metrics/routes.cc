// GET /metrics. docs/operations.md lists every name; a test keeps them as they are, since
// dashboards and alerts depend on them. Labels are routes, statuses and models: nothing that
// clients could make many of, and nobody's name.
#include <memory>
#include <string>
#include <vector>

#include "api/metrics/exposition.h"
#include "api/service.h"
#include "base/memory.h"

namespace dure::api {

namespace {

using providers::ModelStats;

constexpr std::string_view kCounter = "counter";
constexpr std::string_view kGauge = "gauge";
constexpr std::string_view kHistogram = "histogram";

void AddProcess(Exposition& out, const Service& service) {
  out.Begin("dure_build_info", kGauge, "1; the program's version is a label.");
  out.Add({{"version", service.version}}, 1);
  out.Single("dure_uptime_seconds", kGauge, "Since the start.",
             static_cast<double>(service.unix_time() - service.started_at));
  out.Single("process_start_time_seconds", kGauge, "Since 1970.",
             static_cast<double>(service.started_at));
  out.Single("process_resident_memory_bytes", kGauge, "Of this process in memory.",
             static_cast<double>(ResidentMemory()));
}

void AddRequests(Exposition& out, const Service& service, const RequestMeter& meter) {
  const net::ServerStats server =
      service.server_stats ? service.server_stats() : net::ServerStats();
  out.Single("dure_connections", kGauge, "Open ones.", server.connections);
  out.Single("dure_http_requests_total", kCounter, "Read whole, also of the web app's files.",
             static_cast<double>(server.requests));
  out.Begin("dure_requests_total", kCounter,
            "Answered requests of each route; 499: the client left.");
  for (const RequestMeter::Count& count : meter.counts()) {
    out.Add({{"route", count.route}, {"status", std::to_string(count.status)}},
            static_cast<double>(count.requests));
  }
  out.Single("dure_requests_in_flight", kGauge, "Requests of routes not yet answered.",
             meter.running());
}

void AddCompletions(Exposition& out, const providers::CompletionMeter& meter) {
  out.Begin("dure_time_to_first_token_seconds", kHistogram,
            "From a request to the first piece of its answer.");
  out.Add(meter.first_token);
  out.Begin("dure_inter_token_seconds", kHistogram, "Between two pieces of one answer.");
  out.Add(meter.between);
  out.Single("dure_prompt_tokens_total", kCounter, "Of ended requests.",
             static_cast<double>(meter.prompt_tokens));
  out.Single("dure_cached_tokens_total", kCounter, "Of those, found in the prefix cache.",
             static_cast<double>(meter.cached_tokens));
  out.Single("dure_completion_tokens_total", kCounter, "Of ended requests.",
             static_cast<double>(meter.completion_tokens));
}

struct ModelMetric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  double (*value)(const ModelStats&);
};

constexpr ModelMetric kModelMetrics[] = {
    {"dure_model_running", kGauge, "Sequences that are computed.",
     [](const ModelStats& stats) { return static_cast<double>(stats.running); }},
    {"dure_model_queued", kGauge, "Sequences that wait.",
     [](const ModelStats& stats) { return static_cast<double>(stats.queued); }},
    {"dure_model_queued_prompt_tokens", kGauge, "Prompt tokens of those that wait.",
     [](const ModelStats& stats) { return static_cast<double>(stats.queued_prompt_tokens); }},
    {"dure_model_wait_seconds", kGauge, "Estimated wait of a request that comes now.",
     [](const ModelStats& stats) { return stats.wait_ms / 1000; }},
    {"dure_model_kv_blocks", kGauge, "Blocks of the KV cache.",
     [](const ModelStats& stats) { return static_cast<double>(stats.blocks_total); }},
    {"dure_model_kv_blocks_used", kGauge, "Of those, used by what runs.",
     [](const ModelStats& stats) { return static_cast<double>(stats.blocks_used); }},
    {"dure_model_kv_blocks_cached", kGauge, "Of those, kept for prompts that begin alike.",
     [](const ModelStats& stats) { return static_cast<double>(stats.blocks_cached); }},
    {"dure_model_steps_total", kCounter, "Forward passes.",
     [](const ModelStats& stats) { return static_cast<double>(stats.steps); }},
    {"dure_model_generated_tokens_total", kCounter, "Sampled tokens.",
     [](const ModelStats& stats) { return static_cast<double>(stats.tokens_generated); }},
    {"dure_model_preemptions_total", kCounter, "Sequences that made room and were recomputed.",
     [](const ModelStats& stats) { return static_cast<double>(stats.preemptions); }},
    {"dure_model_prefix_hits_total", kCounter, "Requests whose prompt began with cached tokens.",
     [](const ModelStats& stats) { return static_cast<double>(stats.prefix_hits); }},
    {"dure_model_prefix_tokens_total", kCounter, "Cached tokens of those.",
     [](const ModelStats& stats) { return static_cast<double>(stats.prefix_tokens); }},
    {"dure_model_drafted_tokens_total", kCounter, "Guessed tokens that were computed.",
     [](const ModelStats& stats) { return static_cast<double>(stats.drafted_tokens); }},
    {"dure_model_accepted_tokens_total", kCounter, "Of those, right ones.",
     [](const ModelStats& stats) { return static_cast<double>(stats.accepted_tokens); }},
};

void AddModels(Exposition& out, const providers::Provider& provider) {
  const std::vector<ModelStats> models = provider.stats();
  for (const ModelMetric& metric : kModelMetrics) {
    out.Begin(metric.name, metric.type, metric.help);
    for (const ModelStats& stats : models) out.Add({{"model", stats.id}}, metric.value(stats));
  }
  out.Begin("dure_model_loads_total", kCounter, "How often a model was read into memory.");
  for (const providers::ModelInfo& model : provider.models()) {
    if (model.loads == 0) continue;  // another machine's, or not asked for yet
    out.Add({{"model", model.id}}, static_cast<double>(model.loads));
  }
}

}  // namespace

void AddMetricsRoutes(Routes& routes) {
  routes.Add(
      "GET", "/metrics", net::RunOn::kIoThread, Rule::kMetrics,
      [meter = routes.meter()](const Service& service, const Call& call) {
        Exposition out;
        AddProcess(out, service);
        AddRequests(out, service, *meter);
        if (service.meter != nullptr) AddCompletions(out, *service.meter);
        AddModels(out, *service.provider);
        call.Send(
            {200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, out.Take()});
      });
}

}  // namespace dure::api
