// What a question may ask of the simulated providers, in brackets, anywhere in the last user text:
//
//   [call NAME {json}]  call that tool, if the request declares it; several make parallel calls. Without the
//                       JSON: the arguments that the tool's schema asks for
//   [think TEXT]        think so first, if the request asks to think (OpenAI shows the tokens only)
//   [say TEXT]          answer exactly this                [json]   answer a document of the request's schema
//   [length]            end as if max_tokens was reached   [stop WORD]  answer with WORD, a stop sequence
//   maybe [error STATUS]      refuse, in the provider's words    [slow MS]    wait before the first byte
//   [break]             fail in the stream's middle        [cut]        close the connection there
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace ai_proxy::simulator {

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON object; empty in a directive without
};

struct Directives {
  std::vector<ToolCall> calls;
  std::string thinking;
  std::string say;
  std::string stop_word;
  bool json = false;
  bool length = false;
  bool breaks = false;
  bool cuts = false;
  int error_status = 0;  // 0: none
  std::chrono::milliseconds slow{0};
  std::string rest;  // the text without its directives
};

Directives read_directives(std::string_view text);

}  // namespace ai_proxy::simulator
