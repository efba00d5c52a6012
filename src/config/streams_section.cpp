// What a caller sees of a stream while its provider is silent.
#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {

void read_streams(Reading& reading) {
  using namespace std::chrono_literals;
  Section streams = reading.root.section("streams");
  StreamSettings& settings = reading.settings.streams;
  assign(settings.keep_alive, streams.text("keep_alive"), reading.faults,
         [](std::string_view text) { return parse_duration(text, 0ms, 1h); });
  assign(settings.begin_early, streams.text("begin_early"), reading.faults, parse_truth);
  streams.finish();
}

}  // namespace ai_proxy::config
