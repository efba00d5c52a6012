// The variables of the real environment over those of .env.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/dotenv.h"
#include "config/faults.h"
#include "config/settings.h"

namespace ai_proxy::config {

class Environment {
 public:
  // Reads .env; its broken lines go to `faults`.
  Environment(const Sources& sources, Faults& faults);

  // nullopt when it is not set or empty. A variable that the real environment holds, even an empty one, hides
  // the one of .env.
  std::optional<Text> variable(std::string_view name) const;

  // Names in .env that begin with AI_PROXY_ and mean nothing: probably mistyped.
  std::vector<std::string> notes_on_unknown_names() const;

 private:
  const Sources& sources_;
  std::map<std::string, Assignment, std::less<>> dotenv_;
};

}  // namespace ai_proxy::config
