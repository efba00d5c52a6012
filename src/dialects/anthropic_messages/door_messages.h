// System text, messages and their content blocks, from Anthropic's words into the canonical conversation.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/conversation.h"
#include "chat/warnings.h"
#include "dialects/anthropic_messages/door_faults.h"

namespace ai_proxy::dialects::anthropic_messages {

class DoorMessages {
 public:
  DoorMessages(Faults& faults, chat::Warnings& warnings, chat::Request& request)
      : faults_(faults), warnings_(warnings), request_(request) {}

  // The top-level member: it stands in front of all messages, wherever the body has it.
  void read_system(const json::Value& system, const Path& path);
  void read_messages(const json::Value& messages, const Path& path);

 private:
  using Parts = std::vector<chat::Part>;

  void read_message(const json::Value& value, const Path& path);
  void read_content(const json::Value& content, const Path& path, chat::Role role, Parts& parts);
  void read_block(const json::Value& block, const Path& path, chat::Role role, Parts& parts);
  bool may_stand(std::string_view type, chat::Role role, const Path& path);
  void read_text(const json::Value& block, const Path& path, Parts& parts);
  // False: a source that only Anthropic knows.
  bool read_image(const json::Value& block, const Path& path, Parts& parts);
  bool read_document(const json::Value& block, const Path& path, Parts& parts);
  void read_tool_use(const json::Value& block, const Path& path, Parts& parts);
  void read_tool_result(const json::Value& block, const Path& path, Parts& parts);
  void read_thinking(const json::Value& block, const Path& path, Parts& parts);
  void leave_out(const json::Value& block, const Path& path, std::string_view member, std::string_view why);

  Faults& faults_;
  chat::Warnings& warnings_;
  chat::Request& request_;
};

}  // namespace ai_proxy::dialects::anthropic_messages
