// The scalars of a configuration: numbers, sizes, durations, yes and no. Each error is a half sentence that
// says what would be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "config/faults.h"

namespace ai_proxy::config {

// "8080", within the bounds.
Parsed<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most);

// "65536", "64KB", "10MiB", "1GiB": KB, MB, GB are powers of 1000, KiB, MiB, GiB powers of 1024. In bytes.
Parsed<std::uint64_t> parse_size(std::string_view text, std::uint64_t least, std::uint64_t most);

// "500ms", "30s", "1.5s", "10m", "1h", "2d"; a plain number counts seconds.
Parsed<std::chrono::milliseconds> parse_duration(std::string_view text, std::chrono::milliseconds least,
                                                 std::chrono::milliseconds most);

// true, yes, on, 1 and false, no, off, 0, in any case.
Parsed<bool> parse_truth(std::string_view text);

}  // namespace ai_proxy::config
