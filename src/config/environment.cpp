#include "config/environment.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "base/nearest.h"

namespace ai_proxy::config {
namespace {

constexpr std::array<std::string_view, 17> kOwnNames{"AI_PROXY_ADMIN_ALLOW_ANONYMOUS",
                                                     "AI_PROXY_ADMIN_LISTEN",
                                                     "AI_PROXY_ALLOW_ANONYMOUS",
                                                     "AI_PROXY_CA_FILE",
                                                     "AI_PROXY_CACHE_MEMORY",
                                                     "AI_PROXY_CACHE_TTL",
                                                     "AI_PROXY_CONFIG",
                                                     "AI_PROXY_CORE_DUMPS",
                                                     "AI_PROXY_DRAIN_SECONDS",
                                                     "AI_PROXY_LAME_DUCK",
                                                     "AI_PROXY_LOG_ACCESS",
                                                     "AI_PROXY_LOG_FILE",
                                                     "AI_PROXY_LOG_FORMAT",
                                                     "AI_PROXY_LOG_LEVEL",
                                                     "AI_PROXY_ON_UNSUPPORTED",
                                                     "AI_PROXY_PRICES",
                                                     "AI_PROXY_THREADS"};

}  // namespace

Environment::Environment(const Sources& sources, Faults& faults) : sources_(sources) {
  for (Assignment& assignment : parse_dotenv(sources.dotenv_text, faults)) {
    std::string name = assignment.name;
    dotenv_.insert_or_assign(std::move(name), std::move(assignment));
  }
}

std::optional<Text> Environment::variable(std::string_view name) const {
  if (sources_.environment) {
    if (auto value = sources_.environment(name)) {
      if (ascii_trim(*value).empty()) return std::nullopt;
      return Text{std::move(*value), std::string(name)};
    }
  }
  const auto found = dotenv_.find(name);
  if (found == dotenv_.end() || ascii_trim(found->second.value).empty()) return std::nullopt;
  std::string place = ".env:";
  append_integer(place, found->second.line);
  return Text{found->second.value, place.append(": ").append(name)};
}

std::vector<std::string> Environment::notes_on_unknown_names() const {
  std::vector<std::string> notes;
  for (const auto& [name, assignment] : dotenv_) {
    if (!name.starts_with("AI_PROXY_") || std::ranges::find(kOwnNames, name) != kOwnNames.end()) continue;
    std::string note = ".env:";
    append_integer(note, assignment.line);
    notes.push_back(
        note.append(": ").append(name).append(" means nothing here.").append(did_you_mean(name, kOwnNames)));
  }
  return notes;
}

}  // namespace ai_proxy::config
