// Tools whose names the chosen provider would refuse go by another name there, and come back under their own:
// "weather.today" is "weather_today_5f3a90c1" to a provider that takes letters, digits, _ and - only.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "chat/conversation.h"
#include "chat/reply.h"

namespace ai_proxy::chat {

// The names of one exchange. An alias is made of the name alone, so that the next turn has the same one (and
// finds the provider's prompt cache); only where it is taken in this request, another is made. Must live as
// long as the request whose names it changed.
class ToolNames {
 public:
  // Renames what a provider with names of 1 to `length_max` letters, digits, _ and - does not take: tools,
  // the chosen tool, calls in the history. 0: any name will do. May be called again for another provider. An
  // error names the tool that cannot be renamed: it has no name, or its definition is kept whole.
  Result<void> apply(Request& request, std::size_t length_max);

  // An answer as its caller knows the tools.
  void restore(Reply& reply) const;
  // The view in it lives as long as this object.
  Delta restored(Delta delta) const;

 private:
  std::string_view alias_of(std::string_view name, const Request& request);

  std::map<std::string, std::string, std::less<>> alias_by_name_;
  std::map<std::string, std::string, std::less<>> name_by_alias_;
  std::set<std::string, std::less<>>
      taken_;  // every name in the request; filled when the first alias is made
};

}  // namespace ai_proxy::chat
