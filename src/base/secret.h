// A text that must not be seen: it does not print, does not compare by accident, and is wiped when it goes.
#pragma once

#include <string>
#include <string_view>

namespace ai_proxy {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);
  ~Secret();
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&&) noexcept;
  Secret& operator=(Secret&&) noexcept;

  bool empty() const { return text_.empty(); }
  // The one way to the characters: for the wire, never for a log or a message.
  const std::string& reveal() const { return text_; }
  // Constant in time for texts of equal length.
  bool matches(std::string_view other) const;

 private:
  std::string text_;
};

// `text` with every occurrence of the secret's characters replaced by "[redacted]".
std::string redact(std::string text, const Secret& secret);

// `text` with everything that looks like an API key (sk-…, Bearer …) replaced by "[redacted]".
std::string redact_keys(std::string text);

}  // namespace ai_proxy
