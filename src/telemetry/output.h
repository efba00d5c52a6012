// Where log lines go: a file, or what standard output and standard error are connected to. Writing never
// waits.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace ai_proxy::telemetry {

class Output {
 public:
  // For appending; created when absent (0640). Null: it cannot be opened.
  static std::shared_ptr<Output> file(const std::string& path);
  // Of descriptor 1 or 2, without changing its flags for others who share it. Null: it is closed, or there is
  // no descriptor left for ours.
  static std::shared_ptr<Output> standard(int descriptor);

  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  enum class Written { some, would_block, failed };
  // Writes what goes without waiting and takes it off `bytes`.
  Written write(std::string_view& bytes);
  // Waits until write() may help.
  void wait(std::chrono::milliseconds at_most) const;
  bool terminal() const { return terminal_; }

 private:
  enum class Kind { plain, socket, careful };
  Output(int descriptor, Kind kind, bool terminal)
      : descriptor_(descriptor), kind_(kind), terminal_(terminal) {}

  int descriptor_;
  Kind kind_;
  bool terminal_;
};

}  // namespace ai_proxy::telemetry
