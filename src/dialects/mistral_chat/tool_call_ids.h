// Mistral takes only tool-call ids of nine letters and digits. Others are mapped: the same id always to the
// same nine characters, with no state between requests, and within one request never two ids to the same.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "chat/conversation.h"

namespace ai_proxy::dialects::mistral_chat {

// An id that fits as it is, else the nine characters that stand for it wherever nothing collides.
std::string nine_character_id(std::string_view id);

class ToolCallIds {
 public:
  explicit ToolCallIds(const chat::Request& request);

  // What to send for an id that stands in the request. The view lives as long as this object.
  std::string_view of(std::string_view id) const;

 private:
  void add(std::string_view id);

  std::map<std::string_view, std::string> sent_by_id_;
  std::map<std::string, std::string_view, std::less<>> id_by_sent_;
};

}  // namespace ai_proxy::dialects::mistral_chat
