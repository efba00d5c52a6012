// The three providers' error bodies.
#include "simulator/refusal.h"

#include "base/json_writer.h"

namespace ai_proxy::simulator {
namespace {

using json::Writer;

void write_or_null(Writer& out, std::string_view name, std::string_view text) {
  out.key(name);
  text.empty() ? out.null() : out.string(text);
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

Refusal openai_by_status(int status, std::string_view message) {
  switch (status) {
    case 401:
      return openai_refusal(status, "invalid_request_error", message, {}, "invalid_api_key");
    case 404:
      return openai_refusal(status, "invalid_request_error", message, {}, "model_not_found");
    case 429:
      return openai_refusal(status, "requests", message, {}, "rate_limit_exceeded");
    case 503:
      return openai_refusal(status, "service_unavailable_error", message, {}, "server_is_overloaded");
    default:
      break;
  }
  return openai_refusal(status, status >= 500 ? "server_error" : "invalid_request_error", message, {}, {});
}

Refusal mistral_by_status(int status, std::string_view message) {
  switch (status) {
    case 400:
      return mistral_refusal(status, "invalid_request_error", message, "3000");
    case 404:
      return mistral_refusal(status, "not_found", message, "1600");
    case 429:
      return mistral_refusal(status, "rate_limited", message, "1300");
    case 503:
      return mistral_refusal(status, "service_tier_capacity_exceeded", message, "3505");
    default:
      break;
  }
  if (status == 401) {
    Refusal refusal{.status = status, .fields = {}, .body = {}};
    Writer(refusal.body).begin_object().member("detail", message).end_object();
    return refusal;
  }
  const std::string_view type = status >= 500 ? "internal_server_error" : "invalid_request_error";
  return mistral_refusal(status, type, message, status >= 500 ? "1000" : "3000");
}

std::string_view usual_words(Flavour flavour, int status) {
  switch (status) {
    case 401:
      if (flavour == Flavour::openai)
        return "Incorrect API key provided: sk-simul****ated. You can find your API key at "
               "https://platform.openai.com/account/api-keys.";
      return flavour == Flavour::anthropic ? "invalid x-api-key" : "Invalid API Key";
    case 404:
      if (flavour == Flavour::anthropic) return "model: simulated";
      return flavour == Flavour::openai
                 ? "The model `simulated` does not exist or you do not have access to it."
                 : "Not found";
    case 429:
      return flavour == Flavour::mistral ? "Rate limit exceeded" : "Rate limit reached.";
    case 503:
    case 529:
      if (flavour == Flavour::anthropic) return "Overloaded";
      return flavour == Flavour::openai ? "The server is currently overloaded. Please try again later."
                                        : "Service tier capacity exceeded for this model.";
    default:
      return status >= 500 ? "Internal server error" : "The request was refused on request.";
  }
}

}  // namespace

Refusal openai_refusal(int status, std::string_view type, std::string_view message, std::string_view param,
                       std::string_view code) {
  Refusal refusal{.status = status, .fields = {}, .body = {}};
  Writer out(refusal.body);
  out.begin_object().key("error").begin_object().member("message", message).member("type", type);
  write_or_null(out, "param", param);
  write_or_null(out, "code", code);
  out.end_object().end_object();
  if (status == 401) refusal.fields = "www-authenticate: Bearer realm=\"OpenAI API\"\r\n";
  if (status == 429) refusal.fields = "retry-after: 1\r\n";
  return refusal;
}

Refusal anthropic_refusal(int status, std::string_view type, std::string_view message) {
  Refusal refusal{.status = status, .fields = {}, .body = {}};
  Writer out(refusal.body);
  out.begin_object().member("type", "error").key("error").begin_object();
  out.member("type", type).member("message", message).end_object();
  out.member("request_id", "req_simulated").end_object();
  if (status == 400 || status == 401 || status == 404) refusal.fields = "x-should-retry: false\r\n";
  if (status == 529) refusal.fields = "x-should-retry: true\r\n";
  if (status == 429) refusal.fields = "retry-after: 1\r\n";
  return refusal;
}

Refusal mistral_refusal(int status, std::string_view type, std::string_view message, std::string_view code) {
  Refusal refusal{.status = status, .fields = {}, .body = {}};
  Writer out(refusal.body);
  out.begin_object().member("object", "error").member("message", message).member("type", type);
  out.key("param").null().member("code", code).member("raw_status_code", status).end_object();
  if (status == 429) refusal.fields = "retry-after: 1\r\n";
  return refusal;
}

Refusal mistral_invalid(std::string_view type, std::string_view location, std::string_view message,
                        std::string_view input) {
  Refusal refusal{.status = 422, .fields = {}, .body = {}};
  Writer out(refusal.body);
  out.begin_object().key("detail").begin_array().begin_object().member("type", type);
  out.raw_member("loc", location).member("msg", message);
  out.raw_member("input", input.empty() ? "null" : input).end_object().end_array().end_object();
  return refusal;
}

Refusal render_refusal(Flavour flavour, int status, std::string_view message) {
  if (flavour == Flavour::anthropic) return anthropic_refusal(status, anthropic_type(status), message);
  return flavour == Flavour::openai ? openai_by_status(status, message) : mistral_by_status(status, message);
}

Refusal render_failure(Flavour flavour, int status) {
  return render_refusal(flavour, status, usual_words(flavour, status));
}

}  // namespace ai_proxy::simulator
