// See faults.h. The shape of `details` is zod's formatted error, as the original gateway sent it.
#include "dialects/native/faults.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/ascii.h"
#include "dialects/native/schema_text.h"

namespace ai_proxy::dialects::native {
namespace {

struct Place {
  std::string name;
  std::vector<std::string_view> messages;
  std::vector<Place> inner;

  Place& at(const std::string& step) {
    const auto found = std::ranges::find(inner, step, &Place::name);
    return found != inner.end() ? *found : inner.emplace_back(Place{step, {}, {}});
  }
};

void write_place(json::Writer& out, const Place& place) {
  out.begin_object();
  if (!place.messages.empty()) {
    out.key("_errors").begin_array();
    for (const std::string_view message : place.messages) out.string(message);
    out.end_array();
  }
  for (const Place& inner : place.inner) {
    out.key(inner.name);
    write_place(out, inner);
  }
  out.end_object();
}

}  // namespace

std::string Path::text() const {
  if (parent == nullptr) return {};
  std::string text = parent->text();
  if (index != kNoIndex) {
    text.push_back('[');
    append_integer(text, index);
    text.push_back(']');
  } else {
    if (!text.empty()) text.push_back('.');
    text.append(excerpt(name));
  }
  return text;
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kBytesMax = 80;
  if (text.size() <= kBytesMax) return std::string(text);
  std::size_t end = kBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)).append("…");
}

void Faults::add(const Path& path, std::string message) {
  if (list_.size() == kMax) {
    more_ = true;
    return;
  }
  Fault fault;
  fault.message = std::move(message);
  for (const Path* step = &path; step->parent != nullptr; step = step->parent) {
    fault.steps.push_back(step->index != Path::kNoIndex ? std::to_string(step->index) : excerpt(step->name));
  }
  std::ranges::reverse(fault.steps);
  list_.push_back(std::move(fault));
}

void Faults::write(json::Writer& out) const {
  Place root;
  for (const Fault& fault : list_) {
    Place* place = &root;
    for (const std::string& step : fault.steps) place = &place->at(step);
    place->messages.push_back(fault.message);
  }
  if (more_) root.messages.emplace_back("There are more faults; the first 100 are listed.");
  write_place(out, root);
}

std::string failure_body(const Faults& faults, const std::vector<std::string_view>& provider_names) {
  std::string body;
  json::Writer out(body);
  out.begin_object().member("error", "Invalid request").key("details");
  faults.write(out);
  out.key("expectedSchema");
  write_expected_schema(out, provider_names);
  out.end_object();
  return body;
}

}  // namespace ai_proxy::dialects::native
